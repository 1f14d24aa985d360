"""What tests run the product with: processes that stay warm, a lake on a local S3, a webhook, a plain reference."""
