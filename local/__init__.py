"""What a laptop has in place of AWS and a cluster."""
