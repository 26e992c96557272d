from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from environments.errors import UnknownTask
from environments.sql_databases import Databases
from environments.sql_dump import load, split

DUMP = r"""
CREATE USER 'somebody'@'%' IDENTIFIED BY 'secret';
CREATE DATABASE  IF NOT EXISTS `farm` /*!40100 DEFAULT CHARACTER SET utf8mb4 */;
USE `farm`;
-- a remark
DROP TABLE IF EXISTS `cow`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
CREATE TABLE `cow` (
  `Cow_ID` int NOT NULL AUTO_INCREMENT,
  `Name` varchar(30) COLLATE utf8mb4_general_ci DEFAULT 'none, yet',
  `Milk` decimal(10,2) DEFAULT NULL,
  `Barn` int NOT NULL,
  PRIMARY KEY (`Cow_ID`,`Name`(255)),
  UNIQUE KEY `by_name` (`Name`),
  KEY `by_barn` (`Barn`),
  CONSTRAINT `cow_1` FOREIGN KEY (`Barn`) REFERENCES `barn` (`ID`)
) ENGINE=InnoDB AUTO_INCREMENT=9 DEFAULT CHARSET=utf8mb4;
LOCK TABLES `cow` WRITE;
INSERT INTO `cow` VALUES (1,'Bella; \'B\'',12.50,1),(2,'two\nlines, it''s (x)',NULL,1);
INSERT INTO `cow` VALUES (3,'back\\slash',-1,2);
UNLOCK TABLES;
CREATE DATABASE IF NOT EXISTS `pond`;
USE `pond`;
CREATE TABLE `frog` (
  `Name` text,
  `Born` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE=InnoDB;
"""


def test_each_database_is_apart() -> None:
    assert list(split(DUMP)) == ["farm", "pond"]


def test_rows_arrive_as_they_were_written() -> None:
    connection = sqlite3.connect(":memory:")
    load(split(DUMP)["farm"], connection)
    assert connection.execute("SELECT * FROM cow").fetchall() == [
        (1, "Bella; 'B'", 12.5, 1),
        (2, "two\nlines, it's (x)", None, 1),
        (3, "back\\slash", -1, 2),
    ]
    assert connection.execute("SELECT count(*) FROM cow WHERE name = 'BACK\\SLASH'").fetchone() == (1,)
    connection.close()


def test_columns_are_described_as_mysql_does(tmp_path: Path) -> None:
    (tmp_path / "dump.sql").write_text(DUMP, encoding="utf-8")
    databases = Databases(tmp_path / "dump.sql", 1.0, 10)
    farm, pond = databases.open("farm"), databases.open("pond")
    assert [(c.name, c.kind, c.null, c.key, c.default, c.extra) for c in farm.tables["cow"]] == [
        ("Cow_ID", "int", "NO", "PRI", None, "auto_increment"),
        ("Name", "varchar(30)", "NO", "PRI", "none, yet", ""),
        ("Milk", "decimal(10,2)", "YES", "", None, ""),
        ("Barn", "int", "NO", "MUL", None, ""),
    ]
    assert [(c.kind, c.default) for c in pond.tables["frog"]] == [
        ("text", None),
        ("timestamp", "CURRENT_TIMESTAMP"),
    ]
    with pytest.raises(UnknownTask, match="no database 'lake'"):
        databases.open("lake")
    farm.close()
    pond.close()
