-- Prosody for xmpp.test on 127.0.0.11: clients on port 5222, the gateway's component on port 5347.
-- A quickstart on loopback: clear text, no other servers. Do not copy the next five lines to a real server.
run_as_root = true
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
modules_disabled = { "s2s"; "tls"; }
log = { info = "*console"; }

interfaces = { "127.0.0.11" }
local_interfaces = { "127.0.0.11" }
component_interfaces = { "127.0.0.11" }
c2s_ports = { 5222 }
c2s_direct_tls_ports = { }
component_ports = { 5347 }
pidfile = "prosody.pid"
data_path = "data"
certificates = "certs"

modules_enabled = { "roster"; "saslauth"; "disco"; "presence"; "message"; "iq"; "ping"; "version"; "carbons"; "offline"; "private"; "vcard_legacy"; "pep"; }
authentication = "internal_hashed"
storage = "internal"

VirtualHost "xmpp.test"

-- The gateway: SIP users are users of this domain. The secret is the one in stox.yaml.
Component "sip.xmpp.test"
  component_secret = "s3cret"
