"""What others tell of mail that we let through: bounces, complaints, automatic answers. Read, not believed."""
