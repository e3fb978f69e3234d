"""What tests of several rooms share: one module a theme."""
