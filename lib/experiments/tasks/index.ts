/** Defines the kinds of tasks of this package; loaded by every process that plans or executes them. */
import "./bestRandom.js";
import "./search.js";
import "./testbed.js";
import "./transfer.js";
