"""The ways in: requests of apps and of providers are kept as they came, and taken in afterwards."""
