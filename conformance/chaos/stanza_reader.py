"""Cuts an XML stream into its stanzas."""

from xml.etree import ElementTree


class StanzaReader:
    def __init__(self):
        self._parser = ElementTree.XMLPullParser(("start", "end"))
        self._depth = 0
        self._root = None

    def feed(self, octets):
        """The stanzas that these octets complete."""
        self._parser.feed(octets)
        whole = []
        for event, element in self._parser.read_events():
            if event == "start":
                self._root = element if self._depth == 0 else self._root
                self._depth += 1
                continue
            self._depth -= 1
            if self._depth == 1:
                whole.append(element)
                self._root.remove(element)
        return whole
