/** Whether the app serves another page than this one: the names of its files have changed. */
export async function isOtherBuild(): Promise<boolean> {
  const entry = document.querySelector('script[type="module"][src]')?.getAttribute('src');
  if (!entry) return false;
  try {
    const answer = await fetch(location.pathname, { cache: 'no-store' });
    return answer.ok && !(await answer.text()).includes(entry);
  } catch {
    return false; // it does not answer at all, and the status bar says so
  }
}
