import { expect, test } from 'vitest';
import { rewriteLinks, rewriteUrl } from '#main/control-plane/apiserver/proxy/rewrite.ts';

const prefix = '/api/v1/namespaces/default/pods/web/proxy';
const requestHost = 'localhost:8001';
const options = { prefix, requestHost, ownHosts: ['10.244.0.5:80', requestHost] };

test.each([
  ['/a', `${prefix}/a`],
  ['/', `${prefix}/`],
  ['/a/b/?q=1#top', `${prefix}/a/b/?q=1#top`],
  [`${prefix}/a`, `${prefix}/a`],
  ['a/b', 'a/b'],
  ['?q=1', '?q=1'],
  ['#top', '#top'],
  ['http://elsewhere.example/a', 'http://elsewhere.example/a'],
  ['//elsewhere.example/a', '//elsewhere.example/a'],
  ['http://10.244.0.5:80/a', `${prefix}/a`],
  ['https://localhost:8001/a', `https://localhost:8001${prefix}/a`],
  ['mailto:somebody@example.com', 'mailto:somebody@example.com'],
])('%s leads to %s', (url, expected) => {
  expect(rewriteUrl(url, options)).toBe(expected);
});

test.each([
  ['<a href="/x">', `<a href="${prefix}/x">`],
  ["<A class=k HREF='/x'>y</A>", `<A class=k HREF="${prefix}/x">y</A>`],
  ['<img src=/x alt="/x">', `<img src="${prefix}/x" alt="/x">`],
  ['<a href="/x?a=1&amp;b=2">', `<a href="${prefix}/x?a=1&amp;b=2">`],
  ['<p title="/x">/x</p>', '<p title="/x">/x</p>'],
  ['<!-- <a href="/x"> -->', '<!-- <a href="/x"> -->'],
  [
    '<script src="/s.js">var a = \'<a href="/x">\';</script><a href="/x">',
    `<script src="${prefix}/s.js">var a = '<a href="/x">';</script><a href="${prefix}/x">`,
  ],
  ['<a data-x="1 > 0" href="/x">', `<a data-x="1 > 0" href="${prefix}/x">`],
  ['1 < 2 and <b>3 > 2</b>', '1 < 2 and <b>3 > 2</b>'],
])('Links of a page lead through the proxy: %s', (html, expected) => {
  expect(rewriteLinks(html, options)).toBe(expected);
});
