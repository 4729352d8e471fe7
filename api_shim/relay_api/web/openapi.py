from relay_api.settings import Settings


def document(settings: Settings) -> bytes:
    return b"{}"
