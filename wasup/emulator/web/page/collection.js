// WhatsApp's collections of records, found by id however it is written.

import { EventEmitter } from './emitter.js';
import { BaseModel } from './model.js';

export class Collection extends EventEmitter {
  constructor() {
    super();
    if (!this.constructor.model) throw new Error('Collection initialized without model');
    Object.defineProperties(this, {
      _models: { value: [], writable: true },
      _byId: { value: new Map() },
    });
  }

  get modelClass() {
    return this.constructor.model;
  }

  get length() {
    return this._models.length;
  }

  get(id) {
    return this._byId.get(keyOf(id));
  }

  assertGet(id) {
    const model = this.get(id);
    if (!model) throw new Error(`not found: ${id}`);
    return model;
  }

  at(place) {
    return this._models[place];
  }

  /** Add records or their attributes; `merge` updates those that are there, `at: 0` puts them in front. */
  add(given, options = {}) {
    const added = [given].flat().map((one) => this.#addOne(one, options));
    return Array.isArray(given) ? added : added[0];
  }

  #addOne(given, options) {
    const key = keyOf(given.id);
    const known = this._byId.get(key);
    if (known) {
      if (options.merge && !(given instanceof BaseModel)) known.set(given);
      return known;
    }
    const model = given instanceof BaseModel ? given : new this.modelClass(given);
    model.__collections.add(this);
    this._byId.set(key, model);
    if (options.at === 0) this._models.unshift(model);
    else this._models.push(model);
    if (!options.silent) this.trigger('add', model, this, options);
    return model;
  }

  gadd(given) {
    const id = given.id ?? given;
    return this.get(id) ?? this.add({ id });
  }

  set(given) {
    return this.add(given, { merge: true });
  }

  remove(given) {
    for (const one of [given].flat()) {
      const model = this.get(one);
      if (!model) continue;
      this._byId.delete(keyOf(model.id));
      this._models.splice(this._models.indexOf(model), 1);
      model.__collections.delete(this);
      this.trigger('remove', model, this);
    }
  }

  reset() {
    for (const model of this._models) model.__collections.delete(this);
    this._models = [];
    this._byId.clear();
    this.trigger('reset', this);
  }

  sort() {
    this.trigger('sort', this);
    return this;
  }

  async find(id) {
    return this.get(id) ?? this.findImpl?.(id);
  }

  async findQuery(id) {
    return this.find(id);
  }

  async update(id) {
    return this.find(id);
  }

  handle(given) {
    return this.set(given);
  }

  initializeFromCache(given) {
    this.set(given);
  }

  isStateStale() {
    return false;
  }

  getModelsArray() {
    return this._models;
  }

  toArray() {
    return this._models.slice();
  }

  serialize() {
    return this._models.map((model) => model.serialize());
  }

  toJSON() {
    return this.serialize();
  }

  includes(model) {
    return this._models.includes(model);
  }

  isModel(value) {
    return value instanceof this.modelClass;
  }

  findFirst(test) {
    return this._models.find(test);
  }

  where(ids) {
    return ids.map((id) => this.get(id)).filter(Boolean);
  }

  head() {
    return this._models[0];
  }

  last() {
    return this._models[this._models.length - 1];
  }

  [Symbol.iterator]() {
    return this.toArray()[Symbol.iterator]();
  }
}

for (const name of ['indexOf', 'lastIndexOf', 'every', 'some', 'forEach', 'map', 'filter', 'reduce', 'slice']) {
  Collection.prototype[name] = function delegate(...values) {
    return this._models[name](...values);
  };
}

export class BaseCollection extends Collection {}

// An id, a key, a record with an id, or the text of any of them. (A message key has an `id` of its own, so what
// says how it is written goes first.)
function keyOf(given) {
  if (given === null || given === undefined) return undefined;
  if (typeof given === 'object' && !given._serialized && given.id) return String(given.id);
  return String(given);
}
