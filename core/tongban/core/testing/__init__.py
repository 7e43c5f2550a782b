"""What tests of plugins and of nodes share."""
