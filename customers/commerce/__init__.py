"""What customers buy, as the systems that sell it tell it: how it is said, and the one door by which it is written."""
