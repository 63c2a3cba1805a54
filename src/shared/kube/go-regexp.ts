/**
 * Go's regular expressions in JavaScript's: leading flags, `\A` and `\z`, `(?P<name>…)`, `\Q…\E`,
 * POSIX classes. What one has and the other has not (back references, looking around) is refused.
 */
const classes: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: String.raw`\x00-\x7F`,
  blank: String.raw`\t `,
  cntrl: String.raw`\x00-\x1F\x7F`,
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: String.raw`!-\/:-@\[-\`{-~`,
  space: String.raw`\t\n\v\f\r `,
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

const known = new Map<string, RegExp>();
const mostKnown = 1_000;

/** Throws where the pattern is none that Go would take. */
export function goRegExp(pattern: string, flags: '' | 'g' = ''): RegExp {
  const key = `${flags}/${pattern}`;
  const found = known.get(key);
  if (found) {
    found.lastIndex = 0;
    return found;
  }
  const made = compile(pattern, flags);
  if (known.size >= mostKnown) known.clear();
  known.set(key, made);
  return made;
}

function compile(pattern: string, flags: string): RegExp {
  if (/\(\?(?:<?[=!])|(?<!\\)(?:\\\\)*\\[1-9]/.test(pattern)) {
    throw new Error(`error parsing regexp: invalid or unsupported Perl syntax: \`${pattern}\``);
  }
  let own = flags;
  let source = pattern.replace(/^\(\?([imsU]+)\)/, (_all, given: string) => {
    for (const flag of given) if ('ims'.includes(flag)) own += flag;
    return '';
  });
  source = source
    .replaceAll(/\\Q([\s\S]*?)(?:\\E|$)/g, (_all, text: string) =>
      text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`),
    )
    .replaceAll('(?P<', '(?<')
    .replaceAll(/\[:(\^?)(\w+):\]/g, (all, not: string, name: string) =>
      not === '' && classes[name] !== undefined ? classes[name] : all,
    )
    .replaceAll(/\\p([A-Z])(?!\w*\})/g, String.raw`\p{$1}`)
    .replaceAll(/\\P([A-Z])(?!\w*\})/g, String.raw`\P{$1}`);
  // Without the m flag, `^` and `$` mean the text's two ends in both languages.
  source = source.replaceAll(String.raw`\A`, '^').replaceAll(String.raw`\z`, '$');
  try {
    return new RegExp(source, `${own}u`);
  } catch {
    return new RegExp(source, own); // escapes that only the older syntax lets pass
  }
}
