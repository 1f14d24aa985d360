bucket = "transaction-patterns-terraform-123456789012"
key    = "prod.tfstate"
region = "eu-central-1"
