/** What this code takes for granted and an older Chromium, in a shell or a person's browser, lacks. */
import 'core-js/actual/symbol/dispose.js';
import 'core-js/actual/symbol/async-dispose.js';
import 'core-js/actual/promise/with-resolvers.js';
import 'core-js/actual/array/to-reversed.js';
import 'core-js/actual/array/to-sorted.js';
import 'core-js/actual/array/to-spliced.js';
import 'core-js/actual/array/with.js';
import 'core-js/actual/array/from-async.js';
import 'core-js/actual/map/group-by.js';
import 'core-js/actual/object/group-by.js';
import 'core-js/actual/set/difference.js';
import 'core-js/actual/set/intersection.js';
import 'core-js/actual/set/is-subset-of.js';
import 'core-js/actual/set/union.js';
import 'core-js/actual/iterator/index.js';
import 'core-js/actual/url/can-parse.js';
