"""A load generator: plain ICE + DTLS-SRTP clients, the same for every server under test."""
