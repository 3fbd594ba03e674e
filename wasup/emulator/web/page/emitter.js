// WhatsApp's event emitter: names separated by spaces, `all` hears everything.

export class EventEmitter {
  on(names, callback, context) {
    if (typeof callback !== 'function') throw new Error('Callback parameter passed is not a function');
    for (const name of split(names)) {
      const listeners = this.#listeners();
      if (!listeners.has(name)) listeners.set(name, []);
      listeners.get(name).push({ callback, context });
    }
    return this;
  }

  once(names, callback, context) {
    const once = (...values) => {
      this.off(names, once);
      return callback.apply(context ?? this, values);
    };
    once.original = callback;
    return this.on(names, once);
  }

  off(names, callback) {
    const listeners = this.#listeners();
    if (!names) {
      listeners.clear();
      return this;
    }
    for (const name of split(names)) {
      const kept = (listeners.get(name) ?? []).filter(
        (listener) => callback && listener.callback !== callback && listener.callback.original !== callback,
      );
      listeners.set(name, kept);
    }
    return this;
  }

  trigger(name, ...values) {
    if (!this._events) return this;
    for (const { callback, context } of [...(this._events.get(name) ?? [])]) {
      guarded(name, () => callback.apply(context ?? this, values));
    }
    for (const { callback, context } of [...(this._events.get('all') ?? [])]) {
      guarded(name, () => callback.call(context ?? this, name, ...values));
    }
    return this;
  }

  listenTo(other, names, callback) {
    other.on(names, callback, this);
    return this;
  }

  listenToOnce(other, names, callback) {
    other.once(names, callback, this);
    return this;
  }

  listenToAndRun(other, names, callback) {
    other.on(names, callback, this);
    callback.call(this);
    return this;
  }

  stopListening(other, names, callback) {
    other?.off(names, callback);
    return this;
  }

  isListening(name) {
    return Boolean(this._events?.get(name)?.length);
  }

  removeAllListeners() {
    return this.off();
  }

  // Made at the first listener: of 1,000 chats and their messages, hardly any has one.
  #listeners() {
    if (!this._events) Object.defineProperty(this, '_events', { value: new Map() });
    return this._events;
  }
}

Object.assign(EventEmitter.prototype, {
  bind: EventEmitter.prototype.on,
  unbind: EventEmitter.prototype.off,
  removeListener: EventEmitter.prototype.off,
  emit: EventEmitter.prototype.trigger,
});

function split(names) {
  return String(names).trim().split(/\s+/);
}

// A listener that throws must not keep the others from hearing.
function guarded(name, call) {
  try {
    call();
  } catch (error) {
    console.error('a listener of', name, 'failed', error);
  }
}
