"""A load generator: plain ICE + DTLS-SRTP clients on loopback, the same for every server under test."""
