"""Test harness: warm processes, a lake on a local S3, a webhook, and a reference implementation."""
