provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project     = "transaction-patterns"
      Environment = var.environment
    }
  }
}
