"""OMEMO sessions between people who really encrypt (python-omemo), their keys published in one table."""

import asyncio
from xml.etree import ElementTree

import oldmemo
import oldmemo.etree
import twomemo
import twomemo.etree
from omemo import SessionManager, TrustLevel
from omemo.session_manager import BundleNotFound
from omemo.storage import Just, Nothing, Storage

BACKENDS = {"axolotl": (oldmemo.Oldmemo, oldmemo.etree), "2": (twomemo.Twomemo, twomemo.etree)}


class OmemoPerson:
    """`others` is where everybody publishes: give the same dict to all."""

    def __init__(self, jid, kind, others):
        self.jid = jid
        backend, self._written = BACKENDS[kind]
        storage = Memory()
        self._manager = asyncio.run(in_table(others, jid).create([backend(storage)], storage, jid, None, "trusted"))
        asyncio.run(self._manager.after_history_sync())

    def encrypts(self, text, to):
        """The <encrypted/> element for one recipient, as XML."""
        namespace = self._written.NAMESPACE
        asyncio.run(self._manager.refresh_device_list(namespace, to))
        messages, errors = asyncio.run(self._manager.encrypt(frozenset([to]), {namespace: text.encode()}))
        assert not errors, errors
        (message,) = messages
        return ElementTree.tostring(self._written.serialize_message(message), encoding="unicode")

    def decrypts(self, element, sender):
        """The text of an <encrypted/> element."""
        if self._written is oldmemo.etree:
            message = asyncio.run(oldmemo.etree.parse_message(element, sender, self.jid, self._manager))
        else:
            message = twomemo.etree.parse_message(element, sender)
        asyncio.run(self._manager.refresh_device_list(self._written.NAMESPACE, sender))
        text, _, _ = asyncio.run(self._manager.decrypt(message))
        return None if text is None else text.decode()

    def makes_keys_alone(self, to):
        """An <encrypted/> element without a payload: the empty message of OMEMO."""
        element = ElementTree.fromstring(self.encrypts("x", to))
        namespace = self._written.NAMESPACE
        element.remove(element.find(f"{{{namespace}}}payload"))
        return ElementTree.tostring(element, encoding="unicode")


class Memory(Storage):
    def __init__(self):
        super().__init__(disable_cache=True)
        self._values = {}

    async def _load(self, key):
        return Just(self._values[key]) if key in self._values else Nothing()

    async def _store(self, key, value):
        self._values[key] = value

    async def _delete(self, key):
        self._values.pop(key, None)


def in_table(table, own_jid):
    """A session manager whose PEP nodes are entries of a dict."""
    lists = table.setdefault("lists", {})
    bundles = table.setdefault("bundles", {})

    class Manager(SessionManager):
        @staticmethod
        async def _upload_bundle(bundle):
            bundles[bundle.namespace, bundle.bare_jid, bundle.device_id] = bundle

        @staticmethod
        async def _download_bundle(namespace, bare_jid, device_id):
            found = bundles.get((namespace, bare_jid, device_id))
            if found is None:
                raise BundleNotFound()
            return found

        @staticmethod
        async def _delete_bundle(namespace, device_id):
            raise NotImplementedError

        @staticmethod
        async def _upload_device_list(namespace, device_list):
            lists[namespace, own_jid] = device_list

        @staticmethod
        async def _download_device_list(namespace, bare_jid):
            return dict(lists.get((namespace, bare_jid), {}))

        async def _evaluate_custom_trust_level(self, device):
            return TrustLevel.TRUSTED

        async def _make_trust_decision(self, undecided, identifier):
            raise NotImplementedError

        @staticmethod
        async def _send_message(message, bare_jid):
            """Empty messages that complete a session are of no interest here."""

    return Manager
