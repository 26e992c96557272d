from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from environments.base import Task
from environments.errors import MissingEnvironment, NoEpisode, UnknownTask
from environments.sql import SQL, ordered, overlap
from tests.contract.environment import EnvironmentContract

ZOO = """
CREATE TABLE keeper (id int PRIMARY KEY, name varchar(20) NOT NULL, hired datetime);
CREATE TABLE animal (id INTEGER PRIMARY KEY, name text DEFAULT 'nobody', weight double,
    keeper_id int, FOREIGN KEY (keeper_id) REFERENCES keeper (id));
INSERT INTO keeper VALUES (1, 'Ada', '2020-02-03 00:00:00'), (2, 'Ben', NULL);
INSERT INTO animal VALUES (1, 'Koko', 120.5, 1), (2, 'Pim', 3, 1), (3, 'Zaz', 40, 2);
"""
KEEPER_OF_ZAZ = "SELECT k.name FROM keeper k JOIN animal a ON a.keeper_id = k.id WHERE a.name = 'Zaz'"
QUESTIONS = [
    ("zoo", "Who keeps Zaz?", KEEPER_OF_ZAZ),
    ("zoo", "Name the animals, the heaviest first.", "SELECT name FROM animal ORDER BY weight DESC"),
    ("zoo", "Which animals does Ada keep?", "SELECT name FROM animal WHERE keeper_id = 1"),
    ("farm", "How many cows are there?", "SELECT count(*) FROM cow"),
    ("zoo", "Who is who?", "SELECT nothing FROM nowhere"),
]
ALL_ROWS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n{limit}) SELECT {what} FROM n"


def make_zoo(folder: Path, **options: object) -> SQL:
    folder.mkdir(exist_ok=True)
    file, questions = folder / "zoo.sqlite", folder / "questions.json"
    if not file.exists():
        connection = sqlite3.connect(file)
        connection.executescript(ZOO)
        connection.close()
        entries = [{"db": db, "query": query, "gold": gold} for db, query, gold in QUESTIONS]
        questions.write_text(json.dumps(entries), encoding="utf-8")
    return SQL(questions, folder, **options)  # type: ignore[arg-type]


@pytest.fixture
def zoo(tmp_path: Path) -> Iterator[SQL]:
    zoo = make_zoo(tmp_path)
    yield zoo
    zoo.close()


class TestContract(EnvironmentContract):
    task = Task("zoo", 0)
    winning = (
        "SHOW TABLES",
        "SELECT keeper FROM animal WHERE name = 'Zaz'",
        "SELECT name FROM keeper WHERE id = (SELECT keeper_id FROM animal WHERE name = 'Zaz')",
        "submit",
    )

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make(self) -> SQL:
        return make_zoo(self.folder)


def test_an_episode_reads_as_intercodes_logs_do(zoo: SQL) -> None:
    start = zoo.reset(Task("zoo", 0))
    assert (start.instruction, start.observation) == ("Who keeps Zaz?", "")
    actions = [
        "SHOW TABLES;",
        "DESCRIBE keeper",
        "select * from keeper",
        "execute[SELECT 1.5, NULL, 'it''s']",
    ]
    assert [zoo.step(action).observation for action in actions] == [
        "[('animal',), ('keeper',)]",
        "[('id', 'int', 'NO', 'PRI', None, ''), ('name', 'varchar(20)', 'NO', '', None, ''), "
        "('hired', 'datetime', 'YES', '', None, '')]",
        "[(1, 'Ada', datetime.datetime(2020, 2, 3, 0, 0)), (2, 'Ben', None)]",
        '[(1.5, None, "it\'s")]',
    ]
    assert zoo.tables() == {
        "animal": ["id", "name", "weight", "keeper_id"],
        "keeper": ["id", "name", "hired"],
    }


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("SELECT * FROM Cages", "Table 'zoo.cages' doesn't exist"),
        ("DESC cages", "Table 'zoo.cages' doesn't exist"),
        ("SELECT * FROM park.bench", "Unknown database 'park'"),
        ("SELECT age FROM animal", "Unknown column 'age' in 'field list'"),
        ("SELECT name FROM animal a WHERE a.age > 3", "Unknown column 'a.age' in 'where clause'"),
        ("SELECT weight FROM animal JOIN keeper ON owner = 1", "Unknown column 'owner' in 'on clause'"),
        ("SELECT 1 FROM animal GROUP BY kind", "Unknown column 'kind' in 'group statement'"),
        ("SELECT 1 FROM animal ORDER BY age", "Unknown column 'age' in 'order clause'"),
        ("SELECT name FROM animal, keeper", "Column 'name' in field list is ambiguous"),
        ("SELECT roar(name) FROM animal", "FUNCTION zoo.roar does not exist"),
        ("SELECT max(count(*)) FROM animal", "Invalid use of group function"),
        ("SELECT 1 IN (SELECT 1, 2)", "Operand should contain 1 column(s)"),
        ("execute[SELECT 1", "Your last `execute` action did not contain sql code"),
    ],
)
def test_what_is_wrong_is_told_as_mysql_tells_it(zoo: SQL, query: str, error: str) -> None:
    zoo.reset(Task("zoo", 0))
    assert zoo.step(query).observation == f"Error executing query: {error}"


@pytest.mark.parametrize(
    ("query", "rest"),
    [
        ("SELECT name\nFRUM animal", "near 'animal' at line 2"),
        ("SELECT", "near '' at line 1"),
        ("SELECT #", "near '#'"),
    ],
)
def test_a_syntax_error_repeats_what_follows(zoo: SQL, query: str, rest: str) -> None:
    zoo.reset(Task("zoo", 0))
    observation = zoo.step(query).observation
    assert observation.startswith(
        "Error executing query: You have an error in your SQL syntax; check the manual"
    )
    assert rest in observation


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM animal",
        "INSERT INTO keeper VALUES (9, 'Eve', NULL)",
        "UPDATE animal SET name = 'x'",
        "DROP TABLE animal",
        "CREATE TABLE extra (a)",
        "CREATE TEMP TABLE extra (a)",
        "ATTACH 'FILE' AS other",
        "PRAGMA query_only = OFF",
        "PRAGMA journal_mode = DELETE",
        "VACUUM INTO 'FILE'",
        "BEGIN",
        "SELECT load_extension('FILE')",
        "SELECT random()",
        "SELECT 1; DROP TABLE animal",
        "SELECT writefile('FILE', 'x')",
    ],
)
def test_nothing_is_written_nor_attached(zoo: SQL, tmp_path: Path, statement: str) -> None:
    file, stranger = tmp_path / "zoo.sqlite", tmp_path / "stranger"
    before = file.read_bytes()
    zoo.reset(Task("zoo", 0))
    assert zoo.step(statement.replace("FILE", str(stranger))).observation.startswith(
        "Error executing query: "
    )
    assert zoo.step("SELECT count(*) FROM animal").observation == "[(3,)]"
    assert file.read_bytes() == before
    assert not stranger.exists()


def test_a_query_without_end_is_broken_off(zoo: SQL) -> None:
    zoo.reset(Task("zoo", 0))
    for endless in (ALL_ROWS.format(limit="", what="max(i)"), ALL_ROWS.format(limit="", what="i")):
        result = zoo.step(endless)
        assert result.observation.startswith("Error executing query: ")
        assert not result.done
    assert zoo.step("SELECT 1").observation == "[(1,)]"


def test_too_many_rows_and_too_long_texts_are_refused(tmp_path: Path) -> None:
    zoo = make_zoo(tmp_path, row_limit=3)
    zoo.reset(Task("zoo", 0))
    assert zoo.step("SELECT name FROM animal").observation == "[('Koko',), ('Pim',), ('Zaz',)]"
    refused = "Error executing query: more than 3 rows; ask for fewer"
    assert zoo.step(ALL_ROWS.format(limit=" LIMIT 4", what="i")).observation == refused
    assert "too big" in zoo.step("SELECT zeroblob(100000000)").observation
    zoo.close()


@pytest.mark.parametrize(
    ("query", "reward"),
    [
        ("SELECT name FROM animal WHERE weight > 4 AND keeper_id = 1 UNION ALL SELECT 'Pim'", 1.0),
        ("SELECT name FROM animal WHERE keeper_id = 1 ORDER BY name DESC", 1.0),
        ("SELECT name FROM animal", 2 / 3),
        ("SELECT name FROM animal WHERE id = 3", 0.0),
        ("SELECT id, name FROM animal WHERE keeper_id = 1", 0.0),
        ("SELECT nam FROM animal", 0.0),
    ],
)
def test_the_last_query_counts(zoo: SQL, query: str, reward: float) -> None:
    zoo.reset(Task("zoo", 2))
    zoo.step("SELECT name FROM animal WHERE keeper_id = 1")
    last = zoo.step(query)
    assert (last.reward, last.done) == (0.0, False)
    result = zoo.step(" SUBMIT; ")
    assert result.reward == pytest.approx(reward)
    assert (result.success, result.done) == (reward == 1.0, True)
    assert result.observation == last.observation


def test_order_counts_where_the_question_asks_for_it(zoo: SQL) -> None:
    for query, reward in (
        ("SELECT name FROM animal", 1 / 3),
        ("SELECT name FROM animal ORDER BY -weight", 1.0),
    ):
        zoo.reset(Task("zoo", 1))
        zoo.step(query)
        assert zoo.step("submit").reward == pytest.approx(reward)


def test_submitting_nothing_fails(zoo: SQL) -> None:
    zoo.reset(Task("zoo", 0))
    result = zoo.step("submit")
    assert (result.observation, result.reward, result.done, result.success) == ("", 0.0, True, False)


def test_who_tries_again_is_judged_at_every_query(tmp_path: Path) -> None:
    zoo = make_zoo(tmp_path, judged="each query", step_limit=3)
    zoo.reset(Task("zoo", 2))
    tries = ["SELECT name FROM animal", "SELECT name FROM animal WHERE keeper_id = 1"]
    results = [zoo.step(query) for query in tries]
    assert [(result.reward, result.done) for result in results] == [
        (pytest.approx(2 / 3), False),
        (1.0, True),
    ]
    zoo.reset(Task("zoo", 2))
    assert [zoo.step("SELECT 1").done for _ in range(3)] == [False, False, True]
    zoo.close()


def test_unknown_questions_and_databases(zoo: SQL) -> None:
    assert (zoo.databases(), zoo.questions("zoo")) == (["farm", "zoo"], [0, 1, 2, 4])
    with pytest.raises(UnknownTask, match="'sea'; they are about farm, zoo"):
        zoo.reset(Task("sea"))
    with pytest.raises(UnknownTask, match="question 3 isn't about zoo; 0 is"):
        zoo.reset(Task("zoo", 3))
    with pytest.raises(UnknownTask, match="no database 'farm'"):
        zoo.reset(Task("farm", 3))
    with pytest.raises(UnknownTask, match="question 4 can't be judged"):
        zoo.reset(Task("zoo", 4))
    with pytest.raises(NoEpisode):
        zoo.step("SELECT 1")


@pytest.mark.usefixtures("zoo")
def test_what_is_missing_is_named(tmp_path: Path) -> None:
    questions = tmp_path / "questions.json"
    with pytest.raises(MissingEnvironment, match="questions are not at"):
        SQL(tmp_path / "nothing", tmp_path).reset(Task("zoo"))
    with pytest.raises(MissingEnvironment, match="databases are not at"):
        SQL(questions, tmp_path / "nothing").reset(Task("zoo"))
    (tmp_path / "farm.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(UnknownTask, match="can't be read"):
        SQL(questions, tmp_path).reset(Task("farm", 3))
    questions.write_text('[{"db": 1}]')
    with pytest.raises(MissingEnvironment, match="not InterCode's file"):
        SQL(questions, tmp_path).reset(Task("zoo"))


def test_order_is_looked_for_outside_of_subqueries_and_quotes() -> None:
    assert ordered("SELECT a FROM b order\n by a")
    assert not ordered("SELECT a FROM (SELECT a FROM b WHERE c IN (1) ORDER BY a) WHERE d = ' order by '")


def test_overlap_is_one_for_equal_results_alone() -> None:
    assert overlap([], [], False) == overlap([], [], True) == 1.0
    assert overlap([(1,), (1,)], [(1,)], False) == 0.5
    assert overlap([(1,), (2,)], [(2,), (1,)], True) == 0.0
    assert overlap([(2,), (1,)], [(1,), (2.0,)], False) == 1.0


def test_every_published_question_can_be_judged(shared_data: Path) -> None:
    spider = shared_data / "intercode" / "sql" / "spider"
    world = SQL(spider / "ic_spider_dev.json", spider / "ic_spider_dbs.sql")
    gold = [
        entry["gold"] for entry in json.loads((spider / "ic_spider_dev.json").read_text(encoding="utf-8"))
    ]
    assert (len(gold), len(world.databases())) == (1034, 20)
    for database in world.databases():
        for number in world.questions(database):
            world.reset(Task(database, number))
            world.step(gold[number])
            assert world.step("submit").success, number
    world.close()
