import { describe, expect, test } from 'vitest';
import { CelEnvironment } from '#shared/cel/environment.ts';
import { celValueOf } from '#shared/cel/json-values.ts';
import { dyn, mapOf, objectType, string, int, listOf, type CelType } from '#shared/cel/types.ts';
import { CelError, type CelValue } from '#shared/cel/values.ts';

const self = {
  name: 'web',
  replicas: 3,
  ratio: 0.5,
  nothing: null,
  labels: { app: 'web', 'a-b': 'c' },
  ports: [80, 443],
  containers: [
    { name: 'a', image: 'x:1' },
    { name: 'b', image: 'y:2' },
  ],
};

const environment = new CelEnvironment({ variables: { self: dyn, text: string } });

function evaluate(expression: string): CelValue {
  const compiled = environment.compile(expression);
  if ('issues' in compiled) throw new Error(compiled.issues);
  const variables = new Map<string, CelValue>([
    ['self', celValueOf(self)],
    ['text', 'héllo wörld'],
  ]);
  return compiled.program.evaluate((name) => variables.get(name), { cost: 0, limit: 1_000_000 });
}

/** Every expression here is true. */
const truths = `
1 + 2 * 3 == 7
-7 / 2 == -3 && -7 % 2 == -1
1u + 2u == 3u
dyn(1) == 1.0 && dyn(1u) == 1 && 1 < 1.5 && 2u > 1
0x10 == 16 && 1e3 == 1000.0 && .5 == 0.5
"a" + 'b' == "ab" && r'c:' == "c:" && """x"y""" == 'x"y'
"\\u00e9" == "é" && b"abc" == bytes("abc")
size("é") == 1 && "é".size() == 1 && size(b"é") == 2
[1, 2] + [3] == [1, 2, 3] && 2 in [1, 2] && !(5 in [1, 2])
{"a": 1}["a"] == 1 && {"a": 1}.a == 1 && "a" in {"a": 1}
{1: "x"}[dyn(1.0)] == "x"
true ? true : false
false && (1 / 0 == 0) == false || true
(1 / 0 == 0) || true
self.name == "web" && self["name"] == 'web'
self.replicas == 3 && self.replicas + 1 == 4 && self.ratio == 0.5
self.nothing == null && has(self.nothing) && !has(self.other)
self.labels["a-b"] == "c" && has(self.labels.app)
self.ports.all(port, port < 1000) && self.ports.exists(port, port == 80)
self.ports.exists_one(port, port == 80) && !self.ports.existsOne(port, port > 1)
self.containers.map(c, c.name) == ["a", "b"]
self.containers.filter(c, c.name == "a").size() == 1
[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]
[1, 2].all(i, v, v == i + 1) && {"a": 1}.exists(k, v, k == "a" && v == 1)
[1, 2].transformList(i, v, v * 2) == [2, 4]
[1, 2].transformList(i, v, i > 0, v * 2) == [4]
{"a": 1}.transformMap(k, v, v + 1) == {"a": 2}
{"a": "b"}.transformMapEntry(k, v, {v: k}) == {"b": "a"}
[1, 2].exists(x, 1 / (x - 1) == 1)
cel.bind(x, 2, x * x) == 4
self.?other.orValue("none") == "none" && self.?name.hasValue()
self.?labels.?app.orValue("") == "web"
optional.of(1).optMap(x, x + 1).value() == 2
optional.none().or(optional.of(2)).value() == 2
[?self.?other, ?self.?name] == ["web"]
{?"a": self.?name}.a == "web" && {?"a": self.?other} == {}
self.ports[?5].orValue(1) == 1
[1].first().value() == 1 && [].last().orValue(3) == 3
optional.unwrap([optional.of(1), optional.none()]) == [1]
type(1) == int && type("a") == string && type([1]) == list && type({}) == map && type(null) == null_type
type(timestamp("2020-01-01T00:00:00Z")) == google.protobuf.Timestamp
int("42") == 42 && string(42) == "42" && double("1.5") == 1.5 && bool("true")
int(3.9) == 3 && uint("7") == 7u && string(1.5) == "1.5" && string(true) == "true"
duration("1h30m").getMinutes() == 90 && duration("90s") == duration("1m30s")
string(duration("1h0.5s")) == "3600.5s"
timestamp("2024-02-29T12:30:45Z").getFullYear() == 2024 && timestamp("2024-02-29T12:30:45Z").getMonth() == 1
timestamp("2024-02-29T12:30:45Z").getDate("+02:00") == 29 && timestamp("2024-02-29T23:30:45Z").getDate("+02:00") == 1
timestamp("2024-01-01T00:00:00Z") + duration("24h") == timestamp("2024-01-02T00:00:00Z")
timestamp("2024-01-02T00:00:00Z") - timestamp("2024-01-01T00:00:00Z") == duration("24h")
text.startsWith("hé") && text.endsWith("ld") && text.contains("lo w") && text.matches("^h.*d$")
text.indexOf("l") == 2 && text.lastIndexOf("l") == 9 && text.charAt(1) == "é"
text.substring(6) == "wörld" && text.substring(0, 5) == "héllo"
"a,b,c".split(",") == ["a", "b", "c"] && "a,b,c".split(",", 2) == ["a", "b,c"]
["a", "b"].join("-") == "a-b" && ["a", "b"].join() == "ab"
"hello".replace("l", "L") == "heLLo" && "hello".replace("l", "L", 1) == "heLlo"
"  x ".trim() == "x" && "ABc".lowerAscii() == "abc" && "aBc".upperAscii() == "ABC"
"%s is %d and %.2f, %x %b".format([dyn("a"), 5, 1.5, 255, 3]) == "a is 5 and 1.50, ff 11"
"%s".format([[dyn(1), "a", true]]) == "[1, a, true]" && "%s".format([{"b": 1, "a": 2}]) == "{a: 2, b: 1}"
"abc 123 def 456".find("[0-9]+") == "123" && "abc 123 def 456".findAll("[0-9]+") == ["123", "456"]
[3, 1, 2].sort() == [1, 2, 3] && [3, 1].min() == 1 && ["b", "a"].max() == "b" && [1, 2].sum() == 3
[1, 2, 2].isSorted() && [1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2
self.containers.sortBy(c, c.image).map(c, c.name) == ["a", "b"]
[[dyn(1)], [dyn(2), [3]]].flatten() == [dyn(1), 2, [3]] && [1, 1, 2].distinct() == [1, 2] && lists.range(3) == [0, 1, 2]
[1, 2, 3].slice(1, 3) == [2, 3] && [1, 2].reverse() == [2, 1]
sets.contains([1, 2], [2]) && sets.intersects([1], [1, 2]) && sets.equivalent([1, 1], [1])
quantity("1Gi").isGreaterThan(quantity("1G")) && quantity("500m").compareTo(quantity("0.5")) == 0
isQuantity("1x") == false && quantity("2").asInteger() == 2 && !quantity("1.5").isInteger()
quantity("1").add(quantity("500m")).asApproximateFloat() == 1.5 && quantity("10").sub(2) == quantity("8")
semver("1.2.3").isLessThan(semver("1.10.0")) && semver("1.0.0-rc.1").compareTo(semver("1.0.0")) == -1
isSemver("v1.0", true) && !isSemver("v1.0") && semver("v1.2", true).minor() == 2
ip("10.0.0.1").family() == 4 && isIP("::1") && !isIP("10.0.0.256") && ip("127.0.0.1").isLoopback()
cidr("10.0.0.0/8").containsIP("10.1.2.3") && cidr("10.0.0.0/8").containsCIDR(cidr("10.1.0.0/16"))
cidr("10.1.2.3/8").masked() == cidr("10.0.0.0/8") && cidr("10.0.0.0/8").prefixLength() == 8
ip.isCanonical("::1") && string(cidr("10.1.2.3/8").ip()) == "10.1.2.3"
url("https://user@example.com:8080/a%20b?x=1&x=2").getHost() == "example.com:8080"
url("https://example.com:80/p?x=1&x=2").getQuery() == {"x": ["1", "2"]} && isURL("/path") && !isURL("path")
url("https://example.com:80/p q").getEscapedPath() == "/p%20q" && url("https://[::1]:80/").getHostname() == "::1"
!format.dns1123Label().validate("my-name").hasValue() && format.dns1123Label().validate("My").hasValue()
format.named("uuid").hasValue() && !format.named("other").hasValue()
[dyn(1), "a", true].size() == 3
`
  .trim()
  .split('\n')
  .map((line) => line.replaceAll(String.raw`\\`, '\\'));

describe('evaluation', () => {
  test.each(truths)('%s', (expression) => {
    expect(evaluate(expression)).toBe(true);
  });

  const failures: readonly (readonly [string, string])[] = [
    ['1 / 0', 'division by zero'],
    ['1 % 0', 'modulus by zero'],
    ['9223372036854775807 + 1', 'integer overflow'],
    ['self.other', 'no such key: other'],
    ['self.ports[2]', 'index out of bounds: 2'],
    ['self.name + 1', 'no such overload: _+_(string, int)'],
    ['int("x")', "type conversion error from 'string' to 'int'"],
    ['optional.none().value()', 'optional.none() dereference'],
    ['{"a": 1, "a": 2}', 'Failed with repeated key'],
    ['"abc".charAt(9)', 'index out of range: 9'],
    ['self.ports.all(p, p / 0 == 1)', 'division by zero'],
  ];
  test.each(failures)('%s fails', (expression, message) => {
    expect(() => evaluate(expression)).toThrow(new CelError(message));
  });
});

describe('compilation', () => {
  const type: CelType = objectType('Self', {
    fields: new Map<string, CelType>([
      ['x', int],
      ['name', string],
      ['names', listOf(string)],
      ['labels', mapOf(string, string)],
    ]),
  });
  const typed = new CelEnvironment({ variables: { self: type } });
  const operands =
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
  const problems: readonly (readonly [string, string])[] = [
    ['self.z == 100', "1:5: undefined field 'z'\n | self.z == 100\n | ....^"],
    ['other', "1:1: undeclared reference to 'other' (in container '')\n | other\n | ^"],
    ['f(1)', "1:2: undeclared reference to 'f' (in container '')\n | f(1)\n | .^"],
    [
      'self.x == "a"',
      "1:8: found no matching overload for '_==_' applied to '(int, string)'\n | self.x == \"a\"\n | .......^",
    ],
    [
      'self.name.size(1)',
      "1:15: found no matching overload for 'size' applied to 'string.(int)'\n | self.name.size(1)\n | ..............^",
    ],
    ['self.x.y', "1:7: type 'int' does not support field selection\n | self.x.y\n | ......^"],
    [
      'self.x.all(i, true)',
      "1:5: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)\n | self.x.all(i, true)\n | ....^",
    ],
    ['1 && true', "1:1: expected type 'bool' but found 'int'\n | 1 && true\n | ^"],
    ['[1, "a"]', "1:5: expected type 'int' but found 'string'\n | [1, \"a\"]\n | ....^"],
    ['has(self)', '1:5: invalid argument to has() macro\n | has(self)\n | ....^'],
    [
      'self.x +',
      `1:9: Syntax error: mismatched input '<EOF>' expecting ${operands}\n | self.x +\n | ........^`,
    ],
    [
      'self = 42',
      "1:6: Syntax error: token recognition error at: '= '\n | self = 42\n | .....^\nERROR: <input>:1:8: Syntax error: extraneous input '42' expecting <EOF>\n | self = 42\n | .......^",
    ],
  ];
  test.each(problems)('%s is refused', (expression, message) => {
    expect(typed.compile(expression)).toEqual({ issues: `ERROR: <input>:${message}` });
  });

  test('the type of an expression follows from its parts', () => {
    const types = [
      'self.names.map(n, n.size())',
      'self.labels.all(k, v, k == v)',
      '[]',
      'self.?name',
    ].map((expression) => {
      const compiled = typed.compile(expression);
      return 'program' in compiled && compiled.program.type;
    });
    expect(types).toEqual([
      listOf(int),
      { kind: 'simple', name: 'bool' },
      listOf(dyn),
      { kind: 'optional', of: string },
    ]);
  });
});

test('an expression that costs too much is ended', () => {
  const compiled = environment.compile(
    'lists.range(1000).all(x, lists.range(1000).all(y, y >= 0))',
  );
  if ('issues' in compiled) throw new Error(compiled.issues);
  const spending = { cost: 0, limit: 10_000 };
  expect(() => compiled.program.evaluate(() => undefined, spending)).toThrow(
    'operation cancelled: actual cost limit exceeded',
  );
});
