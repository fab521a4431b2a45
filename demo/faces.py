"""The faces of the demo's two towns: crests drawn for them, colours, texts.

Musterhausen has filled in everything. Beispielstadt has begun: what it has not said yet stands on
its pages as placeholders. No text here is anyone's; nobody has tested the page in Leichte Sprache.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from demo.towns import FIRST, SECOND
from portal.db import transaction
from portal.faces import setting
from portal.faces.setting import Said
from portal.tenants import Tenant

CRESTS = Path(__file__).with_name("crests")
BY = "demo"
COLOURS = {FIRST: "#00607a", SECOND: "#2d6a1e"}
TESTED = {FIRST: ("Prüfgruppe Muster (nur ein Beispiel)", date(2026, 1, 15))}

EASY = """Hier können Sie Geld an die Stadt Musterhausen bezahlen.

# So geht es

Sie haben einen Brief von der Stadt bekommen.
In dem Brief steht:
Sie müssen Geld bezahlen.
In dem Brief ist ein schwarz-weißes Bild.
Das Bild heißt: QR-Code.

Sie haben ein Handy?
Dann machen Sie ein Foto von dem QR-Code.
Dann öffnet sich diese Internet-Seite.

Die Internet-Seite fragt nach einer Zahl.
Die Zahl heißt: TAN.
Die TAN steht in dem Brief.

# Sie brauchen Hilfe?

Rufen Sie uns an.
Die Telefon-Nummer ist: 09999 100-240.
"""

DEFERRAL = """# Später zahlen oder in Raten

Die Stadt kann einen Betrag stunden, wenn die Zahlung jetzt eine erhebliche Härte wäre und der
Anspruch dadurch nicht gefährdet ist (Muster). Für eine Stundung fallen in der Regel Zinsen an.

# Was wir von Ihnen brauchen

Einen kurzen Antrag mit dem Kassenzeichen, dem Grund und einem Vorschlag, wann und in welchen
Beträgen Sie zahlen. Schreiben Sie ihn an die Stadtkasse, Rathausplatz 1, 09999 Musterhausen, oder
kommen Sie zu unseren Zeiten in Zimmer 12.
"""
DEFERRAL_IN_ENGLISH = """# Paying later or in instalments

The town can defer an amount if paying it now would be a considerable hardship and the claim is not
endangered by it (sample). As a rule interest is charged.

# What we need from you

A short application with the payment sign, the reason, and when and in which amounts you propose to
pay. Send it to Stadtkasse, Rathausplatz 1, 09999 Musterhausen, or come to room 12 in our hours.
"""

# fmt: off
# field, text, language where it is not the town's own
TEXTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    FIRST: (
        ("hours", "Mon–Fri 8–12, Thu also 14–18", "en"),
        ("contact", "Stadtkasse, Zimmer 12"),
        ("contact", "Cash office, room 12", "en"),
        ("legal_form", "Die Stadt Musterhausen ist eine Körperschaft des öffentlichen Rechts."),
        ("represented_by", "Bürgermeisterin Erika Mustermann"),
        ("supervision", "Landratsamt Musterkreis"),
        ("vat_id", "DE999999999"),
        ("data_protection_officer",
            "Stadt Musterhausen, Datenschutz\nRathausplatz 1\n09999 Musterhausen\n"
            "datenschutz@musterhausen.example"),
        ("legal_basis", "Art. 6 Abs. 1 Buchst. e DSGVO mit dem Landesdatenschutzgesetz (Muster)"),
        ("processor", "Kommunales Rechenzentrum Muster\nMusterallee 3\n09999 Musterhausen"),
        ("data_protection_authority",
            "Landesbeauftragte für den Datenschutz (Muster)\nLandstraße 4, 09990 Musterstadt"),
        ("accessibility_law", "Landesgleichstellungsgesetz (Muster) und BITV 2.0"),
        ("accessibility_state", "partial"),
        ("accessibility_barriers",
            "Muster: Hier nennt die Stadt jeden Inhalt, der nicht barrierefrei ist, und warum."),
        ("accessibility_method", "self"),
        ("accessibility_made_on", "2026-01-15"),
        ("enforcement_body",
            "Durchsetzungsstelle des Landes (Muster)\nLandstraße 5, 09990 Musterstadt"),
        ("deferral", DEFERRAL),
        ("deferral", DEFERRAL_IN_ENGLISH, "en"),
        ("easy", EASY),
    ),
    SECOND: (
        ("portal_name", "Gemeindekasse online"),
        ("portal_name", "Municipal cash office online", "en"),
        ("legal_form",
            "Die Gemeinde Beispielstadt ist eine Körperschaft des öffentlichen Rechts."),
        ("processor", "Die Gemeinde betreibt das Portal selbst."),
        ("deferral",
            "Über eine Stundung entscheidet die Gemeindekasse. Rufen Sie uns bitte an, bevor der"
            " Betrag fällig ist: 09998 200-0."),
    ),
}
# fmt: on


def dress() -> None:
    """Give each town its face, once; what was changed by hand since stays."""
    for tenant_id, colour in COLOURS.items():
        with transaction() as session:
            if session.get_one(Tenant, tenant_id).crest:
                continue
        setting.put_colour(tenant_id, colour, BY)
        setting.put(tenant_id, [Said(*text) for text in TEXTS[tenant_id]], BY)
        if tenant_id in TESTED:
            setting.tested(tenant_id, *TESTED[tenant_id], BY)
        setting.put_crest(tenant_id, (CRESTS / f"{tenant_id}.svg").read_bytes(), BY)
