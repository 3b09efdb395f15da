-- Prosody of one lab: every port on one loopback address, no rate limit, no name server.
run_as_root = true
pidfile = "@FOLDER@/prosody.pid"
data_path = "@FOLDER@/data"
plugin_paths = { "@MODULES@" }
certificates = "@FOLDER@/certs"
interfaces = { "@ADDRESS@" }
local_interfaces = { "@ADDRESS@" }
component_interfaces = { "@ADDRESS@" }
c2s_ports = { 5222 }
c2s_direct_tls_ports = { }
s2s_ports = { }
component_ports = { 5347 }
modules_enabled = { "roster"; "saslauth"; "disco"; "presence"; "message"; "iq"; "ping"; "version"; "carbons"; "offline"; "private"; "vcard_legacy"; "pep"; "bounce_on_request"; }
modules_disabled = { "s2s"; "tls"; }
allow_registration = false
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
storage = "internal"
log = { info = "*console"; }
@HOSTS@
