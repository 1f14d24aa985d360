"""Whatever stands in a file: it lands, goes to quarantine, or stops the job with an error that says what to do."""
