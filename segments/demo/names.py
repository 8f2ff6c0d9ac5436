"""Made-up people's names from many places, and how they become the front of an e-mail address."""

from __future__ import annotations

import unicodedata
from random import Random

# Weight, given names, family names. What follows a slash is the name in Latin letters, as its owner would write it.
CULTURES: tuple[tuple[int, str, str], ...] = (
    (
        22,
        "Emma Olivia Ava Grace Hannah Claire Naomi Ruth Paige Tessa James Henry Caleb Owen Miles Theo Wyatt Felix Hugh",
        "Carter Bennett Hayes Whitfield Marsh Ellison Porter Langley Brooks Sutton O'Neill Fairchild Abbott Wilder",
    ),
    (
        12,
        "Sofía Valentina Lucía Camila Elena Ximena Marisol Inés Mateo Diego Andrés Joaquín Raúl Tomás Julián Hernán",
        "García Hernández Ruiz Ortega Núñez Salazar Peña Villanueva Castañeda Fuentes Mendoza Ibáñez Quiroga Solís",
    ),
    (
        5,
        "Freja Astrid Ingrid Signe Linnéa Maja Lars Bjørn Søren Anders Håkon Mikkel Elin Åsa",
        "Lindqvist Sørensen Håkansson Nygård Bergström Dahl Eklund Møller Sjöberg Øverland Holm Strand",
    ),
    (
        6,
        "Annika Greta Jürgen Lukas Katharina Matthias Anneliese Jörg Sabine Moritz Friederike Björn Käthe Stefan",
        "Müller Schäfer Weiß Krüger Vogel Brandt Köhler Hoffmann Großmann Lehmann Böhm Jäger Sommer Winkler",
    ),
    (
        5,
        "Chloé Amélie Éloïse Manon Margaux Zoé Léa Gaël Étienne Benoît Rémy Théo Loïc Baptiste",
        "Dubois Lefèvre Moreau Girard Rousseau Marchand Chevalier Bérubé Gagné Fontaine Beaulieu Côté",
    ),
    (
        5,
        "Giulia Chiara Bianca Noemi Elisabetta Niccolò Matteo Lorenzo Davide Ludovica Tommaso Renata",
        "Rossi Bellini Marchetti D'Angelo Ferraro Conti De-Luca Moretti Santoro Vitale Caruso Lombardi",
    ),
    (
        5,
        "Zofia Małgorzata Agnieszka Łucja Kasia Paweł Michał Łukasz Wojciech Tomasz Bożena Stanisław",
        "Kowalska Wiśniewski Zieliński Wójcik Dąbrowska Nowak Jabłoński Krawczyk Pawłowska Szymański",
    ),
    (
        7,
        "Priya Ananya Meera Kavya Lakshmi Ishaan Arjun Rohan Vikram Aditya Nandini Sunita Farhan Ravi",
        "Sharma Iyer Patel Banerjee Krishnan Reddy Chatterjee Deshpande Kapoor Menon Joshi Nair Bose Gupta",
    ),
    (
        6,
        "Mei Xiuying Lihua Jing Yuhan Zihan Wei Haoran Junjie Ming Xin Yifan",
        "Wang Zhang Liu Chen Huang Zhou Wu Xu Lin Zhao Guo Luo",
    ),
    (
        4,
        "Haruka Misaki Yui Sakura Aoi Kenji Haruto Ren Takumi Daichi Emi Naoki",
        "Tanaka Sato Watanabe Kobayashi Itō Yamamoto Ōta Nakamura Shimizu Hayashi Mori Fujita",
    ),
    (
        4,
        "Ji-woo Seo-yeon Min-ji Ha-eun Soo-ah Min-jun Do-yun Ji-ho Hyun-woo Tae-yang",
        "Kim Lee Park Choi Jung Kang Cho Yoon Jang Lim",
    ),
    (
        4,
        "Linh Hương Thảo Mai Ngọc Minh Tuấn Đức Quang Hải",
        "Nguyễn Trần Lê Phạm Hoàng Vũ Đặng Bùi Đỗ Hồ",
    ),
    (
        5,
        "Layla Noor Yasmin Huda Samira Omar Khalid Tariq Youssef Karim Zaynab Idris",
        "Haddad Al-Masri Nassar Khoury Rahman Saleh Mansour Aziz Farouk Barakat El-Amin Qasim",
    ),
    (
        3,
        "Elif Zeynep Defne Ayşe Işıl Emre Çağrı Mehmet Ömer Barış",
        "Yılmaz Demir Şahin Çelik Kaya Öztürk Aydın Doğan Güneş Koç",
    ),
    (
        6,
        "Adaeze Chioma Folake Ngozi Temitope Oluwaseun Chinedu Emeka Babajide Kelechi Amara Tunde",
        "Okafor Adeyemi Balogun Eze Nwosu Ogunleye Achebe Olawale Uche Danjuma Abiola Ikande",
    ),
    (
        4,
        "Wanjiru Achieng Makena Tigist Hirut Abebe Dawit Kamau Otieno Selam Yonas Zuri",
        "Mwangi Ochieng Kimani Tesfaye Bekele Njoroge Wambui Haile Mutua Alemu Kiptoo Desta",
    ),
    (
        3,
        "Leilani Kalani Malia Keanu Tane Aroha Moana Nikau Sione Mele",
        "Kahale Kealoha Tamihana Ngata Fonoti Makoa Parata Tuilagi Akana Rewi",
    ),
    (
        3,
        "Beatriz Inês João Letícia Thiago Gonçalo Mariana Caetano Luísa Otávio",
        "Silva Araújo Conceição Magalhães Pereira Gonçalves Brandão Simões Teixeira Vasconcelos",
    ),
    (
        1,
        "Ελένη/Eleni Νίκος/Nikos Δάφνη/Dafni Γιώργος/Giorgos Μαρία/Maria",
        "Παπαδάκης/Papadakis Νικολάου/Nikolaou Δημητρίου/Dimitriou Βλάχος/Vlachos",
    ),
    (
        1,
        "Олена/Olena Марко/Marko Ірина/Iryna Тарас/Taras Софія/Sofiia",
        "Шевчук/Shevchuk Коваль/Koval Мельник/Melnyk Бондар/Bondar",
    ),
)
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "ß": "ss", "'": "", "-": ""})
_WEIGHTS = [weight for weight, _, _ in CULTURES]
_GIVEN = [given.split() for _, given, _ in CULTURES]
_FAMILY = [family.split() for _, _, family in CULTURES]


def draw_name(rng: Random) -> tuple[str, str, str, str]:
    """A given and a family name as their owner writes them, then both in plain lower-case Latin letters."""
    [culture] = rng.choices(range(len(CULTURES)), _WEIGHTS)
    # One person in nine has a family name from elsewhere, as people marry and move.
    family_of = rng.choices(range(len(CULTURES)), _WEIGHTS)[0] if rng.random() < 0.11 else culture
    given, plain_given = _split(rng.choice(_GIVEN[culture]))
    family, plain_family = _split(rng.choice(_FAMILY[family_of]))
    return given, family.replace("De-Luca", "De Luca"), plain_given, plain_family


def _split(entry: str) -> tuple[str, str]:
    name, _, latin = entry.partition("/")
    return name, in_plain_letters(latin or name)


def in_plain_letters(name: str) -> str:
    """`name` in lower-case letters a to z, as in an e-mail address."""
    decomposed = unicodedata.normalize("NFKD", name.lower().translate(_LETTERS))
    return "".join(letter for letter in decomposed if "a" <= letter <= "z")
