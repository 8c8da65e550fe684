"""Every word of the documents and of the picture, once per language.

Both tables have the same keys; a test says so. Names that people configured (zones, networks,
ports) are never translated; the catalogue has the titles of zones and archetypes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import paper_words

FR: dict[str, str] = {
    "colon": " : ",
    "decimal": ",",
    "gbps": "Gbit/s",
    "mbps": "Mbit/s",
    "more": "et {count} de plus",
    # documents
    "address-plan": "Plan d'adressage",
    "port-map": "Plan des ports",
    "zone-matrix": "Matrice des zones",
    "generated": "Document produit par sitekit à partir de la description du site\u00a0; "
    "toute correction se fait dans cette description.",
    "site": "Site",
    "archetype": "Type de site",
    "block": "Bloc d'adresses",
    "place": "Lieu",
    "organisation": "Organisation",
    "networks": "Réseaux",
    "networks-intro": "Chaque réseau est un VLAN et un préfixe, dans une zone. Les adresses ne "
    "bougent pas quand un réseau s'ajoute.",
    "devices": "Équipements",
    "reservations": "Adresses fixes",
    "uplinks": "Accès opérateurs",
    "record": "Nature",
    "record.network": "réseau",
    "record.device": "équipement",
    "record.reservation": "adresse fixe",
    "record.uplink": "accès opérateur",
    "name": "Nom",
    "zone": "Zone",
    "zone-title": "Zone, en clair",
    "network": "Réseau",
    "vlan": "VLAN",
    "address": "Adresse ou préfixe",
    "prefix": "Préfixe",
    "netmask": "Masque",
    "gateway": "Passerelle",
    "gateway-on": "Portée par",
    "gateway-on.firewall": "pare-feu",
    "gateway-on.core": "cœur de réseau",
    "gateway-on.none": "non routé",
    "dhcp": "DHCP",
    "dhcp.reserved": "réservations seules",
    "dhcp.none": "non",
    "mtu": "MTU",
    "mac": "Adresse MAC",
    "role": "Rôle",
    "model": "Modèle",
    "purpose": "Usage",
    "carrier": "Opérateur",
    "kind": "Nature de l'accès",
    "down": "Descendant",
    "up": "Montant",
    "stage": "Étape",
    "by-dhcp": "par DHCP",
    "interim": "provisoire",
    "final": "définitif",
    "ready": "prêt le {date}",
    "cut-over": "bascule le {date}",
    "none": "Aucun.",
    "device": "Équipement",
    "port": "Port",
    "ports": "Ports",
    "used": "Utilisés",
    "free": "Libres",
    "overview": "Vue d'ensemble",
    "ports-intro": "Tous les ports de tous les équipements. Un port inutilisé est fermé.",
    "counts": "Par usage",
    "peer": "Relié à",
    "lag": "Agrégat",
    "speed": "Débit",
    "poe": "PoE (W)",
    "description": "Description",
    "matrix": "Qui parle à qui",
    "matrix-intro": "En ligne, la zone qui ouvre la conversation\u00a0; en colonne, celle qui la "
    "reçoit. Une case donne les services permis à au moins une machine\u00a0; les règles, "
    "plus bas, disent exactement lesquelles. — : refusé et journalisé.",
    "matrix-corner": "de → vers",
    "rules": "Règles",
    "rules-intro": "Dans l'ordre où elles sont appliquées. Ce qu'aucune règle ne permet est "
    "refusé.",
    "number": "N°",
    "action": "Action",
    "action.permit": "permis",
    "action.deny": "refusé",
    "from": "De",
    "to": "Vers",
    "services": "Services",
    "every-service": "tous",
    "enforced-by": "Appliquée par",
    "reason": "Raison",
    # picture
    "topology": "Schéma du réseau",
    "topology-desc": "{name}, {archetype}. De haut en bas\u00a0: Internet et opérateurs "
    "({uplinks}), pare-feu ({firewalls}), commutateurs ({switches}), points d'accès Wi-Fi "
    "({access_points}) et équipements raccordés. À droite\u00a0: {networks} réseaux avec VLAN et "
    "préfixe.",
    "internet": "Internet",
    "hub": "Concentrateur Azure",
    "tunnels.1": "{count} tunnel IPsec",
    "tunnels.n": "{count} tunnels IPsec",
    "ha-pair": "Paire à haute disponibilité",
    "mlag-pair": "Paire MLAG",
    "heartbeat": "battement",
    "peer-link": "lien de paire",
    "active": "actif",
    "standby": "secours",
    "wifi": "Wi-Fi",
    "access-points.1": "{count} point d'accès",
    "access-points.n": "{count} points d'accès",
    "legend": "Légende",
    "trust": "Sensibilité de la zone",
    "trust-low": "publique",
    "trust-high": "critique",
    "line.link": "lien en service",
    "line.interim": "accès provisoire",
    "line.tunnel": "tunnel chiffré",
    "line.pair": "lien entre jumeaux",
    "link-to": "Lien vers {name}",
    # roles
    "role.firewall": "Pare-feu",
    "role.core-switch": "Commutateur de cœur",
    "role.access-switch": "Commutateur d'accès",
    "role.access-point": "Point d'accès Wi-Fi",
    # purposes of ports
    "purpose.access": "Poste de travail",
    "purpose.edit-seat": "Poste de montage",
    "purpose.access-point": "Point d'accès Wi-Fi",
    "purpose.camera": "Caméra",
    "purpose.door": "Porte",
    "purpose.alarm": "Alarme",
    "purpose.printer": "Imprimante",
    "purpose.room": "Salle de réunion",
    "purpose.sensor": "Capteur",
    "purpose.server": "Serveur",
    "purpose.storage": "Stockage",
    "purpose.render": "Nœud de rendu",
    "purpose.transfer": "Poste de transfert",
    "purpose.audio": "Audio",
    "purpose.video": "Vidéo",
    "purpose.st2110": "ST 2110",
    "purpose.inter-switch": "Entre commutateurs",
    "purpose.peer-link": "Lien de paire",
    "purpose.firewall": "Vers le pare-feu",
    "purpose.switch": "Vers un commutateur",
    "purpose.uplink": "Opérateur",
    "purpose.heartbeat": "Battement",
    "purpose.management": "Administration",
    "purpose.unused": "Inutilisé, fermé",
}

EN: dict[str, str] = {
    "colon": ": ",
    "decimal": ".",
    "gbps": "Gb/s",
    "mbps": "Mb/s",
    "more": "and {count} more",
    # documents
    "address-plan": "Address plan",
    "port-map": "Port map",
    "zone-matrix": "Zone matrix",
    "generated": "Made by sitekit from the description of the site; corrections belong there.",
    "site": "Site",
    "archetype": "Kind of site",
    "block": "Address block",
    "place": "Place",
    "organisation": "Organisation",
    "networks": "Networks",
    "networks-intro": "Each network is a VLAN and a prefix, in a zone. Addresses do not move when "
    "a network is added.",
    "devices": "Devices",
    "reservations": "Fixed addresses",
    "uplinks": "Uplinks",
    "record": "Record",
    "record.network": "network",
    "record.device": "device",
    "record.reservation": "fixed address",
    "record.uplink": "uplink",
    "name": "Name",
    "zone": "Zone",
    "zone-title": "Zone title",
    "network": "Network",
    "vlan": "VLAN",
    "address": "Address or prefix",
    "prefix": "Prefix",
    "netmask": "Netmask",
    "gateway": "Gateway",
    "gateway-on": "Gateway on",
    "gateway-on.firewall": "firewall",
    "gateway-on.core": "core switch",
    "gateway-on.none": "not routed",
    "dhcp": "DHCP",
    "dhcp.reserved": "reservations only",
    "dhcp.none": "no",
    "mtu": "MTU",
    "mac": "MAC address",
    "role": "Role",
    "model": "Model",
    "purpose": "Purpose",
    "carrier": "Carrier",
    "kind": "Kind of line",
    "down": "Down",
    "up": "Up",
    "stage": "Stage",
    "by-dhcp": "by DHCP",
    "interim": "interim",
    "final": "final",
    "ready": "ready {date}",
    "cut-over": "cut-over {date}",
    "none": "None.",
    "device": "Device",
    "port": "Port",
    "ports": "Ports",
    "used": "In use",
    "free": "Unused",
    "overview": "Overview",
    "ports-intro": "Every port of every device. An unused port is shut.",
    "counts": "By purpose",
    "peer": "Connected to",
    "lag": "LAG",
    "speed": "Speed",
    "poe": "PoE (W)",
    "description": "Description",
    "matrix": "Who may talk to whom",
    "matrix-intro": "A row is the zone that opens the conversation, a column the zone that "
    "receives it. A cell gives the services permitted to at least one machine; the rules below "
    "say exactly to which. — : denied and logged.",
    "matrix-corner": "from → to",
    "rules": "Rules",
    "rules-intro": "In the order in which they are applied. What no rule permits is denied.",
    "number": "No.",
    "action": "Action",
    "action.permit": "permit",
    "action.deny": "deny",
    "from": "From",
    "to": "To",
    "services": "Services",
    "every-service": "every service",
    "enforced-by": "Enforced by",
    "reason": "Reason",
    # picture
    "topology": "Network topology",
    "topology-desc": "{name}, {archetype}. From top to bottom: Internet and carriers ({uplinks}), "
    "firewalls ({firewalls}), switches ({switches}), Wi-Fi access points ({access_points}) and "
    "what hangs on them. On the right: {networks} networks with VLAN and prefix.",
    "internet": "Internet",
    "hub": "Azure hub",
    "tunnels.1": "{count} IPsec tunnel",
    "tunnels.n": "{count} IPsec tunnels",
    "ha-pair": "High-availability pair",
    "mlag-pair": "MLAG pair",
    "heartbeat": "heartbeat",
    "peer-link": "peer link",
    "active": "active",
    "standby": "standby",
    "wifi": "Wi-Fi",
    "access-points.1": "{count} access point",
    "access-points.n": "{count} access points",
    "legend": "Legend",
    "trust": "Sensitivity of the zone",
    "trust-low": "public",
    "trust-high": "critical",
    "line.link": "link in service",
    "line.interim": "interim uplink",
    "line.tunnel": "encrypted tunnel",
    "line.pair": "link between twins",
    "link-to": "Link to {name}",
    # roles
    "role.firewall": "Firewall",
    "role.core-switch": "Core switch",
    "role.access-switch": "Access switch",
    "role.access-point": "Wi-Fi access point",
    # purposes of ports
    "purpose.access": "Office port",
    "purpose.edit-seat": "Edit seat",
    "purpose.access-point": "Wi-Fi access point",
    "purpose.camera": "Camera",
    "purpose.door": "Door",
    "purpose.alarm": "Alarm",
    "purpose.printer": "Printer",
    "purpose.room": "Meeting room",
    "purpose.sensor": "Sensor",
    "purpose.server": "Server",
    "purpose.storage": "Storage",
    "purpose.render": "Render node",
    "purpose.transfer": "Transfer station",
    "purpose.audio": "Audio",
    "purpose.video": "Video",
    "purpose.st2110": "ST 2110",
    "purpose.inter-switch": "Between switches",
    "purpose.peer-link": "Peer link",
    "purpose.firewall": "To the firewall",
    "purpose.switch": "To a switch",
    "purpose.uplink": "Carrier",
    "purpose.heartbeat": "Heartbeat",
    "purpose.management": "Management",
    "purpose.unused": "Unused, shut",
}

FR.update(paper_words.FR)
EN.update(paper_words.EN)
TABLES: Mapping[str, dict[str, str]] = {"fr": FR, "en": EN}


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language."""

    table: dict[str, str]
    language: str = "en"

    def __call__(self, key: str, **values: object) -> str:
        """The phrase called `key`, with its blanks filled in."""
        phrase = self.table[key]
        return phrase.format(**values) if values else phrase

    def named(self, family: str, name: str) -> str:
        """What `name` of a family (purpose, role) is called; itself if unknown."""
        return self.table.get(f"{family}.{name}", name)

    def counted(self, key: str, count: int) -> str:
        """A phrase with a number in it, singular or plural."""
        return self.table[f"{key}.{'1' if count == 1 else 'n'}"].format(count=count)

    def rate(self, mbps: int) -> str:
        """A bandwidth as people say it: 2.5 Gb/s, 100 Mb/s."""
        if mbps < 1000:
            return f"{mbps} {self.table['mbps']}"
        return f"{mbps / 1000:g}".replace(".", self.table["decimal"]) + f" {self.table['gbps']}"


def words(language: str) -> Words:
    """The words of a site's language."""
    return Words(TABLES[language], language)


def one_line(text: str) -> str:
    """The text on one line of printable characters: breaks, tabs and control codes are a space."""
    if text.isprintable():
        return text
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
