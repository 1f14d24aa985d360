"""A smoke run of a deployed environment: its jobs, in its workspace, on sample data in a lake of their own."""
