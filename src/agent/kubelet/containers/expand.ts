/**
 * Replaces `$(NAME)` by its value; `$$` stands for one `$`; a name without a value stays as it is
 * written. As Kubernetes expands environments, commands, arguments and sub-paths.
 */
export function expand(text: string, valueOf: (name: string) => string | undefined): string {
  let result = '';
  for (let at = 0; at < text.length; at++) {
    const dollar = text.indexOf('$', at);
    if (dollar < 0 || dollar === text.length - 1) return result + text.slice(at);
    result += text.slice(at, dollar);
    const next = text[dollar + 1];
    const end = next === '(' ? text.indexOf(')', dollar + 2) : -1;
    if (next === '$') {
      result += '$';
      at = dollar + 1;
    } else if (end >= 0) {
      result += valueOf(text.slice(dollar + 2, end)) ?? text.slice(dollar, end + 1);
      at = end;
    } else {
      result += `$${next}`;
      at = dollar + 1;
    }
  }
  return result;
}
