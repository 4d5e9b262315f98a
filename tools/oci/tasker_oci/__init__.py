"""What images are made of: packages, layers, archives."""
