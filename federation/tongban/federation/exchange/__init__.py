"""What nodes say to each other: sealed questions and answers, whichever carrier brings them."""
