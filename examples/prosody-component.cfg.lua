-- For an existing Prosody (0.11 or newer): append this to its configuration and restart it, or put the section into
-- a file of its own under conf.d/.
-- Never list "component" in modules_enabled: a Component section is enough to open port 5347 on loopback.

-- To listen elsewhere, these two belong into the global section, above the first VirtualHost. The stream is clear
-- text: use a network of its own or a TLS tunnel.
--   component_ports = { 5347 }
--   component_interfaces = { "192.0.2.11" }

-- The name is the domain of SIP users as XMPP users see it, and `component:` in stox.yaml. It may be a sub-domain
-- (sip.example.com) or a whole domain of its own (example.net, for addresses that are the same on both sides).
Component "sip.example.com"
  component_secret = "change-me"        -- `secret:` in stox.yaml

  -- A second stox under the same name is refused while the first is connected. With this a standby takes over at
  -- once, and so does a stox that restarts before Prosody has noticed that its old stream is dead.
  -- component_conflict_resolve = "kick_old"
