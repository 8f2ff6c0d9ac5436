"""Customers from files: whose layout a file has, what its cells mean, and the work of bringing them in."""
