"""The answer to a digest challenge (RFC 2617, MD5: all that the lab's registrar asks for)."""

import hashlib
import re
import secrets


def digest(challenge, method, uri, user, password):
    """An Authorization value for a WWW-Authenticate or Proxy-Authenticate value."""
    def quoted(name):
        match = re.search(rf'{name}="([^"]*)"', challenge)
        return match.group(1) if match else ""

    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()

    realm, nonce = quoted("realm"), quoted("nonce")
    first, second = md5(f"{user}:{realm}:{password}"), md5(f"{method}:{uri}")
    head = f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", algorithm=MD5'
    if "qop" not in challenge:
        return f'{head}, response="{md5(f"{first}:{nonce}:{second}")}"'
    cnonce, count = secrets.token_hex(8), "00000001"
    response = md5(f"{first}:{nonce}:{count}:{cnonce}:auth:{second}")
    return f'{head}, qop=auth, nc={count}, cnonce="{cnonce}", response="{response}"'
