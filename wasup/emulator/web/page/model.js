// WhatsApp's observable record: attributes are accessors, changes are told here and in every collection.

import { EventEmitter } from './emitter.js';

export class BaseModel extends EventEmitter {
  constructor(attributes = {}) {
    super();
    Object.defineProperties(this, {
      __values: { value: {} },
      __collections: { value: new Set() },
    });
    for (const [name, value] of Object.entries({ ...this.constructor.defaults?.(), ...attributes })) {
      this.constructor.declare(name);
      this.__values[name] = value;
    }
  }

  // Reading an attribute on the prototype gives undefined and never throws: libraries look for members there.
  static declare(name) {
    if (name in this.prototype) return;
    Object.defineProperty(this.prototype, name, {
      configurable: true,
      enumerable: true,
      get() {
        return this.__values?.[name];
      },
      set(value) {
        this.set({ [name]: value });
      },
    });
  }

  set(attributes, value) {
    const given = typeof attributes === 'string' ? { [attributes]: value } : attributes;
    const changes = [];
    for (const [name, next] of Object.entries(given)) {
      if (name === 'id' && this.__values.id) continue;
      this.constructor.declare(name);
      const previous = this.__values[name];
      if (previous !== next) {
        this.__values[name] = next;
        changes.push([name, next, previous]);
      }
    }
    for (const [name, next, previous] of changes) this.bubble(`change:${name}`, this, next, previous);
    if (changes.length) this.bubble('change', this);
    return this;
  }

  unset(name) {
    return this.set({ [name]: undefined });
  }

  /** Tell listeners of this record and of the collections that hold it. */
  bubble(name, ...values) {
    this.trigger(name, ...values);
    for (const collection of this.__collections) collection.trigger(name, ...values);
  }

  get attributes() {
    return { ...this.__values };
  }

  serialize() {
    const plain = {};
    for (const [name, value] of Object.entries(this.__values)) {
      if (value instanceof BaseModel) continue;
      plain[name] = typeof value?.serialize === 'function' ? value.serialize() : value;
    }
    return plain;
  }

  toJSON() {
    return this.serialize();
  }

  safe() {
    return this;
  }

  unsafe() {
    return this;
  }
}
