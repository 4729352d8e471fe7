"""The Kubernetes API as raw JSON objects: a client, and a watch that keeps itself alive."""
