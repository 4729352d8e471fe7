"""The signalling gateway: from a join token to the right media pod, and both ways between."""
