"""The Kubernetes side: access, requests, the informer, and what is known of the cluster."""
