"""Given names by country, and names that break what is built carelessly. Invented people; all addresses are reserved ones."""

from collections.abc import Mapping

GIVEN: Mapping[str, tuple[str, ...]] = {
    "DE": (
        *("Anna", "Björn", "Claudia", "Dieter", "Emilia", "Finn", "Greta", "Hannes", "Ida", "Jürgen", "Katharina", "Lukas", "Mia", "Nils"),
        *("Özlem", "Paula", "Ralf", "Sabine", "Till", "Ursula", "Volker", "Wiebke"),
    ),
    "FR": (
        *(
            "Amélie",
            "Bastien",
            "Chloé",
            "Damien",
            "Élodie",
            "François",
            "Gaëlle",
            "Hugo",
            "Inès",
            "Jules",
            "Karim",
            "Léa",
            "Mathéo",
            "Noémie",
        ),
        *("Océane", "Pascal", "Quentin", "Raphaël", "Solène", "Théo", "Valérie", "Yasmine"),
    ),
    "GB": (
        *(
            "Alice",
            "Ben",
            "Charlotte",
            "Dylan",
            "Eleanor",
            "Finlay",
            "Grace",
            "Harry",
            "Isla",
            "Jack",
            "Kieran",
            "Lucy",
            "Muhammad",
            "Niamh",
        ),
        *("Oliver", "Poppy", "Rhys", "Sian", "Thomas", "Una", "Victoria", "William"),
    ),
    "US": (
        *("Aaliyah", "Brandon", "Camila", "Diego", "Emma", "Frank", "Gabriela", "Henry", "Isabella", "Jamal", "Kimberly", "Liam", "Maria"),
        *("Noah", "Olivia", "Peter", "Quinn", "Ruth", "Sophia", "Tyler", "Ximena", "Zachary"),
    ),
    "NL": (
        *("Anouk", "Bram", "Cornelis", "Daan", "Eva", "Floor", "Geert", "Hanneke", "Iris", "Jeroen", "Karin", "Lotte", "Maarten", "Noor"),
        *("Otto", "Pieter", "Renske", "Sanne", "Teun", "Willem", "Yara", "Zoë"),
    ),
}

ODD = (
    *("<b>Bob</b>", "<script>alert(1)</script>", "Ann & Co", "O'Brien", 'Max "Mad" Moritz', "{{ 7 * 7 }}", "{% raw %}", "{# no #}"),
    *(
        "Robert'); DROP TABLE recipients;--",
        "محمد",
        "שרה",
        "李雷",
        "Владимир",
        "สมชาย",
        "👩‍🌾 Flora",
        "Jean‑Luc",
        "ﬁnn",
        "İpek",
        "null",
        "=1+1",
    ),
    *("Anna-Maria von und zu Hohenstein-Wallersdorf", "&amp;", "%s", "$name", "Z̷a̷l̷g̷o̷"),
)
