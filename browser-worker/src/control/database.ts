// The tab's IndexedDB: identity, worker keys, measured speeds, today's traffic, and the index of the artifact cache. One
// small promise wrapper; every store is key → value.

const NAME = 'udcs-donate';
const STORES = ['settings', 'artifacts'] as const;
type StoreName = (typeof STORES)[number];

const settled = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('the browser storage failed'));
  });

export class Database {
  readonly #db: IDBDatabase;

  private constructor(db: IDBDatabase) {
    this.#db = db;
  }

  static async open(): Promise<Database> {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      for (const store of STORES) request.result.createObjectStore(store);
    };
    const db = await settled(request);
    // Another tab wants to delete or upgrade it ("forget this device"): do not stand in its way.
    db.onversionchange = () => db.close();
    return new Database(db);
  }

  async get<T>(store: StoreName, key: string): Promise<T | undefined> {
    return settled(this.#db.transaction(store).objectStore(store).get(key) as IDBRequest<T | undefined>);
  }

  async put(store: StoreName, key: string, value: unknown): Promise<void> {
    await settled(this.#db.transaction(store, 'readwrite').objectStore(store).put(value, key));
  }

  /** Adds only when absent; returns what stands there afterwards, so that two tabs agree. */
  async putNew<T>(store: StoreName, key: string, value: T): Promise<T> {
    const objects = this.#db.transaction(store, 'readwrite').objectStore(store);
    const existing = await settled(objects.get(key) as IDBRequest<T | undefined>);
    if (existing !== undefined) return existing;
    await settled(objects.put(value, key));
    return value;
  }

  async delete(store: StoreName, key: string): Promise<void> {
    await settled(this.#db.transaction(store, 'readwrite').objectStore(store).delete(key));
  }

  async entries<T>(store: StoreName): Promise<[key: string, value: T][]> {
    const objects = this.#db.transaction(store).objectStore(store);
    const [keys, values] = await Promise.all([settled(objects.getAllKeys()), settled(objects.getAll() as IDBRequest<T[]>)]);
    return keys.map((key, at) => [String(key), values[at] as T]);
  }

  close(): void {
    this.#db.close();
  }

  static async erase(): Promise<void> {
    await settled(indexedDB.deleteDatabase(NAME));
  }
}
