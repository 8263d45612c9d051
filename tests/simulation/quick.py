"""The database of a simulation, fast: the same statements, compiled by SQLAlchemy, go straight to
SQLite; and what was asked already is not asked again while nothing wrote to the tables that it was
read from.

A history is a few hundred small statements on a handful of rows, so SQLAlchemy's way from a
statement to its rows costs more than everything else together. Nothing of the product is left out:
it builds the statements, sees the rows and decides.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from sqlalchemy import Executable, Row, Table
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import visitors

from control_plane.infra.db import Database, Tx, unavailable

P = ParamSpec("P")
T = TypeVar("T")
Value = Callable[[Mapping[str, Any], Sequence[Any]], Any]


@dataclass
class Prepared:
    """A compiled statement, and how its values and its rows are made."""

    compiled: Any
    tables: tuple[str, ...]
    writes: str | None
    lists: tuple[str, ...]  # names of the values that are lists: an `IN`
    values: dict[str, Value]
    plans: dict[tuple[int, ...], tuple[str, list[Callable[[Mapping[str, Any]], Any]]]] = field(
        default_factory=dict
    )
    row: Callable[[tuple[Any, ...]], Row[Any]] | None = None


@dataclass
class Store:
    """SQLite in memory, with what was asked of it.

    Tests go two other ways: `checked` asks again what it knows, and compares; `plain` is the
    product's own database.
    """

    raw: sqlite3.Connection
    dialect: Any
    way: Literal["quick", "checked", "plain"] = "quick"
    compiled: dict[Any, Any] = field(default_factory=dict)
    prepared: dict[int, Prepared] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    known: dict[Any, tuple[tuple[int, ...], Any]] = field(default_factory=dict)  # by statement
    answers: dict[Any, tuple[tuple[str, ...], tuple[int, ...], Any]] = field(default_factory=dict)
    writes: int = 0

    def forget(self) -> None:
        """Other rows are in the tables now."""
        self.known.clear()
        self.answers.clear()

    def wrote(self, name: str) -> None:
        self.writes += 1
        self.versions[name] = self.writes

    def stamp(self, tables: Sequence[str]) -> tuple[int, ...]:
        return tuple([self.versions.get(name, 0) for name in tables])

    def prepare(
        self, statement: Any, keys: Sequence[str], is_many: bool
    ) -> tuple[Prepared, Sequence[Any]]:
        compiled, extracted, _, _ = statement._compile_w_cache(
            self.dialect,
            compiled_cache=self.compiled,
            column_keys=list(keys),
            for_executemany=is_many,
        )
        found = self.prepared.get(id(compiled))
        if found is None:
            found = self.prepared[id(compiled)] = _prepared(compiled)
        return found, extracted or ()


def _prepared(compiled: Any) -> Prepared:
    assert compiled.positional
    assert not compiled.literal_execute_params
    assert not compiled.update_prefetch
    assert all(column.default.is_scalar for column in compiled.insert_prefetch)
    defaults = {column.key: column.default.arg for column in compiled.insert_prefetch}
    tables = {one.name for one in visitors.iterate(compiled.statement) if isinstance(one, Table)}
    writes = None
    if compiled.isinsert or compiled.isupdate or compiled.isdelete:
        writes = compiled.compile_state.dml_table.name
    place: dict[Any, int] = {}
    if compiled.cache_key is not None:
        matches, _ = compiled._cache_key_bind_match
        for number, bind in enumerate(compiled.cache_key[1]):
            place |= dict.fromkeys(matches[bind], number)
    values = {
        name: (lambda *_, own=defaults[name]: own)
        if name in defaults
        else _value(bind, name, place.get(bind))
        for bind, name in compiled.bind_names.items()
    }
    lists = tuple(
        name for bind, name in compiled.bind_names.items() if bind in compiled.post_compile_params
    )
    return Prepared(compiled, tuple(sorted(tables)), writes, lists, values)


def _value(bind: Any, name: str, place: int | None) -> Value:
    def found(parameters: Mapping[str, Any], extracted: Sequence[Any]) -> Any:
        if bind.key in parameters:
            return parameters[bind.key]
        if name in parameters:
            return parameters[name]
        given = bind if place is None else extracted[place]
        assert not given.required, f"no value for {bind.key}"
        return given.effective_value

    return found


def _plan(
    prepared: Prepared, given: Mapping[str, Any]
) -> tuple[str, list[Callable[[Mapping[str, Any]], Any]]]:
    """The statement's text for lists of these lengths, and what stands in each of its places."""
    compiled = prepared.compiled
    sql, order, makers = compiled.string, compiled.positiontup, dict(compiled._bind_processors)
    inside: dict[str, tuple[str, int]] = {}
    if prepared.lists:
        state = compiled._process_parameters_for_postcompile(dict(given))
        sql, order = state.statement, state.positiontup
        makers.update(state.processors)
        for name, parts in state.parameter_expansion.items():
            inside |= {part: (name, number) for number, part in enumerate(parts)}
    return sql, [_taker(name, inside.get(name), makers.get(name)) for name in order]


def _taker(name: str, inside: tuple[str, int] | None, maker: Any) -> Callable[[Any], Any]:
    if inside is not None:
        of, number = inside
        if maker is None:
            return lambda given: given[of][number]
        return lambda given: maker(given[of][number])
    if maker is None:
        return lambda given: given[name]
    return lambda given: maker(given[name])


@dataclass
class QuickTx(Tx):
    store: Store = field(kw_only=True)
    touched: set[str] = field(default_factory=set)
    asked_time: bool = False

    def all(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        return list(self._ask(statement, parameters))

    def first(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Row[Any] | None:
        rows = self._ask(statement, parameters)
        return rows[0] if rows else None

    def scalar(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Any:
        rows = self._ask(statement, parameters)
        return rows[0][0] if rows else None

    def run(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> int:
        if parameters is not None and not parameters:
            return 0
        if parameters is None or isinstance(parameters, Mapping):
            return self._do(statement, parameters or {}).rowcount
        if len(parameters) == 1:
            return self._do(statement, parameters[0]).rowcount
        prepared, extracted = self.store.prepare(statement, sorted(parameters[0]), True)
        texts = [self._filled(prepared, each, extracted) for each in parameters]
        assert prepared.writes is not None
        self.store.wrote(prepared.writes)
        return self._execute(texts[0][0], [values for _, values in texts], is_many=True).rowcount

    def now_ms(self) -> int:
        self.asked_time = True
        return super().now_ms()

    def insert_tuples(
        self, into: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        if rows:
            columns = ", ".join(f'"{name}"' for name in names)
            marks = ", ".join("?" * len(names))
            self.store.wrote(into.name)
            sql = f'INSERT INTO "{into.name}" ({columns}) VALUES ({marks})'  # our own names
            self._execute(sql, list(rows), is_many=True)

    @property
    def is_postgres(self) -> bool:
        return False

    # ---- one statement ---------------------------------------------------------------------------

    def _ask(
        self, statement: Executable, parameters: Mapping[str, Any] | None
    ) -> Sequence[Row[Any]]:
        given = parameters or {}
        prepared, extracted = self.store.prepare(statement, sorted(given), False)
        sql, values = self._filled(prepared, given, extracted)
        self.touched.update(prepared.tables)
        if prepared.writes is not None:
            self.store.wrote(prepared.writes)
            return self._rows(prepared, self._execute(sql, values))

        stamp = self.store.stamp(prepared.tables)
        known = self.store.known.get((sql, values))
        if known is not None and known[0] == stamp:
            if self.store.way == "checked":
                assert known[1] == self._rows(prepared, self._execute(sql, values)), sql
            return known[1]  # type: ignore[no-any-return] # rows, as they were kept below
        rows = self._rows(prepared, self._execute(sql, values))
        self.store.known[sql, values] = (stamp, rows)
        return rows

    def _do(self, statement: Executable, parameters: Mapping[str, Any]) -> sqlite3.Cursor:
        prepared, extracted = self.store.prepare(statement, sorted(parameters), False)
        sql, values = self._filled(prepared, parameters, extracted)
        assert prepared.writes is not None, sql
        self.touched.update(prepared.tables)
        self.store.wrote(prepared.writes)
        return self._execute(sql, values)

    def _filled(
        self, prepared: Prepared, parameters: Mapping[str, Any], extracted: Sequence[Any]
    ) -> tuple[str, tuple[Any, ...]]:
        given = {name: value(parameters, extracted) for name, value in prepared.values.items()}
        lengths = tuple([len(given[name]) for name in prepared.lists])
        plan = prepared.plans.get(lengths)
        if plan is None:
            plan = prepared.plans[lengths] = _plan(prepared, given)
        return plan[0], tuple([take(given) for take in plan[1]])

    def _execute(self, sql: str, values: Any, *, is_many: bool = False) -> sqlite3.Cursor:
        try:
            if is_many:
                return self.store.raw.executemany(sql, values)
            return self.store.raw.execute(sql, values)
        except sqlite3.Error as error:
            raise DBAPIError.instance(sql, values, error, sqlite3.Error) from error

    def _rows(self, prepared: Prepared, cursor: sqlite3.Cursor) -> Sequence[Row[Any]]:
        if prepared.row is None:
            prepared.row = _row_maker(prepared.compiled, self.store.dialect)
        return [prepared.row(one) for one in cursor.fetchall()]


def _row_maker(compiled: Any, dialect: Any) -> Callable[[tuple[Any, ...]], Row[Any]]:
    columns = compiled._result_columns
    assert compiled._ordered_columns
    made = tuple(one.type._cached_result_processor(dialect, None) for one in columns)
    processors = made if any(made) else None
    parent = SimpleResultMetaData([one.keyname for one in columns])
    places = parent._key_to_index
    return lambda data: Row(parent, processors, places, data)


_NO_CONNECTION: Any = None


@dataclass
class QuickDatabase(Database):
    store: Store = field(kw_only=True)

    def _quickly(self, who: str | None) -> QuickTx:
        return QuickTx(_NO_CONNECTION, self.clock, who, store=self.store)

    def _transact(
        self,
        who: str | None,
        work: Callable[Concatenate[Tx, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        if self.store.way == "plain":
            return super()._transact(who, work, *args, **kwargs)
        raw = self.store.raw
        tx = self._quickly(who)
        raw.execute("BEGIN")
        try:
            result = work(tx, *args, **kwargs)
        except BaseException as error:
            raw.execute("ROLLBACK")
            self.store.forget()
            if isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.OperationalError):
                raise unavailable(error) from error
            raise
        raw.execute("COMMIT")
        for call in tx._after:
            call()
        return result

    def _look(
        self,
        who: str | None,
        work: Callable[Concatenate[Tx, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        if self.store.way == "plain":
            return super()._look(who, work, *args, **kwargs)
        # A function of a module sees its arguments and the tables and nothing else: the same again
        # while neither changed. A method may ask a clock, or for prices.
        key = (work, args) if isinstance(work, FunctionType) and _is_plain(work, args) else None
        answer = self.store.answers.get(key)
        if answer is not None and answer[1] == self.store.stamp(answer[0]):
            if self.store.way == "checked":
                assert answer[2] == work(self._quickly(who), *args, **kwargs), work
            result: T = copy(answer[2])
            return result
        tx = self._quickly(who)
        result = work(tx, *args, **kwargs)
        if key is not None and not tx.asked_time:
            tables = tuple(sorted(tx.touched))
            self.store.answers[key] = (tables, self.store.stamp(tables), copy(result))
        return result


def _is_plain(work: FunctionType, args: tuple[Any, ...]) -> bool:
    if work.__closure__ is not None:
        return False
    try:
        hash(args)
    except TypeError:
        return False
    return True
