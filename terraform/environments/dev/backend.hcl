bucket = "transaction-patterns-terraform-123456789012"
key    = "dev.tfstate"
region = "eu-central-1"
