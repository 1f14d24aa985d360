variable "buckets" {
  description = "Buckets by a key of the caller's: name, the key that encrypts it (by default that of S3), whether it keeps old versions, and whether a destroy deletes its objects."
  type = map(object({
    name          = string
    kms_key_arn   = optional(string)
    versioned     = optional(bool, false)
    force_destroy = optional(bool, false)
  }))
}
