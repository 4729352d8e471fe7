"""Every secret that the shim holds, and what is made of it. Only ``mounted`` touches files."""
