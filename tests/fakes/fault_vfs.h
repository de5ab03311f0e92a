#ifndef REKINDLE_TEST_FAKES_FAULT_VFS_H_
#define REKINDLE_TEST_FAKES_FAULT_VFS_H_

#include <atomic>
#include <cstring>
#include <string>

#include <sqlite3.h>

namespace rekindle {

// An SQLite file layer over the default one that counts syncs and fails on command. Registered
// under `name()` while it lives. It offers no shared memory, so connections must use exclusive
// locking for a WAL, as the journal does.
class FaultVfs {
 public:
  explicit FaultVfs(const std::string& name) : name_(name) {
    real_ = sqlite3_vfs_find(nullptr);
    vfs_ = *real_;
    vfs_.zName = name_.c_str();
    vfs_.pAppData = this;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.pNext = nullptr;
    vfs_.xOpen = &Open;
    vfs_.xDelete = [](sqlite3_vfs* v, const char* path, int sync) {
      return Real(v)->xDelete(Real(v), path, sync);
    };
    vfs_.xAccess = [](sqlite3_vfs* v, const char* path, int flags, int* out) {
      return Real(v)->xAccess(Real(v), path, flags, out);
    };
    vfs_.xFullPathname = [](sqlite3_vfs* v, const char* path, int size, char* out) {
      return Real(v)->xFullPathname(Real(v), path, size, out);
    };
    sqlite3_vfs_register(&vfs_, 0);
  }
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;
  ~FaultVfs() { sqlite3_vfs_unregister(&vfs_); }

  const std::string& name() const { return name_; }

  std::atomic<int> syncs{0};
  std::atomic<int> write_error{SQLITE_OK};  // what every write answers while it is not SQLITE_OK
  std::atomic<int> failing_syncs{0};        // that many syncs answer SQLITE_IOERR_FSYNC
  std::atomic<bool> hold_syncs{false};      // syncs wait while this is set

 private:
  struct File {
    sqlite3_file base;
    FaultVfs* owner;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };

  static FaultVfs* Self(sqlite3_vfs* vfs) { return static_cast<FaultVfs*>(vfs->pAppData); }
  static sqlite3_vfs* Real(sqlite3_vfs* vfs) { return Self(vfs)->real_; }
  static File* Of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
  static sqlite3_file* RealOf(sqlite3_file* file) { return Of(file)->real(); }

  static int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out) {
    File* self = Of(file);
    self->owner = Self(vfs);
    std::memset(self->real(), 0, static_cast<size_t>(Real(vfs)->szOsFile));
    const int code = Real(vfs)->xOpen(Real(vfs), path, self->real(), flags, out);
    self->base.pMethods = self->real()->pMethods == nullptr ? nullptr : Methods();
    return code;
  }

  static int Write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    const int error = Of(file)->owner->write_error;
    if (error != SQLITE_OK) return error;
    return RealOf(file)->pMethods->xWrite(RealOf(file), data, size, offset);
  }

  static int Sync(sqlite3_file* file, int flags) {
    FaultVfs* owner = Of(file)->owner;
    ++owner->syncs;
    owner->hold_syncs.wait(true);
    if (owner->failing_syncs > 0) {
      --owner->failing_syncs;
      return SQLITE_IOERR_FSYNC;
    }
    return RealOf(file)->pMethods->xSync(RealOf(file), flags);
  }

  static const sqlite3_io_methods* Methods() {
    static const sqlite3_io_methods methods = [] {
      sqlite3_io_methods m{};
      m.iVersion = 1;
      m.xClose = [](sqlite3_file* f) { return RealOf(f)->pMethods->xClose(RealOf(f)); };
      m.xRead = [](sqlite3_file* f, void* to, int size, sqlite3_int64 offset) {
        return RealOf(f)->pMethods->xRead(RealOf(f), to, size, offset);
      };
      m.xWrite = &Write;
      m.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
        return RealOf(f)->pMethods->xTruncate(RealOf(f), size);
      };
      m.xSync = &Sync;
      m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
        return RealOf(f)->pMethods->xFileSize(RealOf(f), size);
      };
      m.xLock = [](sqlite3_file* f, int level) {
        return RealOf(f)->pMethods->xLock(RealOf(f), level);
      };
      m.xUnlock = [](sqlite3_file* f, int level) {
        return RealOf(f)->pMethods->xUnlock(RealOf(f), level);
      };
      m.xCheckReservedLock = [](sqlite3_file* f, int* out) {
        return RealOf(f)->pMethods->xCheckReservedLock(RealOf(f), out);
      };
      m.xFileControl = [](sqlite3_file* f, int op, void* arg) {
        return RealOf(f)->pMethods->xFileControl(RealOf(f), op, arg);
      };
      m.xSectorSize = [](sqlite3_file* f) { return RealOf(f)->pMethods->xSectorSize(RealOf(f)); };
      m.xDeviceCharacteristics = [](sqlite3_file* f) {
        return RealOf(f)->pMethods->xDeviceCharacteristics(RealOf(f));
      };
      return m;
    }();
    return &methods;
  }

  const std::string name_;
  sqlite3_vfs* real_ = nullptr;
  sqlite3_vfs vfs_{};
};

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_FAULT_VFS_H_
