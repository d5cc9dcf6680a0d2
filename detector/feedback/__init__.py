"""What the world answers to mail that passed, back to the account: the logs of mail servers, bounces, complaints."""
