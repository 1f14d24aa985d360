"""Every kind of input lands, goes to quarantine, or stops the job with an error that names the remedy."""
