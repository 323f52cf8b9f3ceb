"""Names that are known to run programs or code, to reach other names, or to change the machine.

The verdict does not rest on this list: whatever is not on the allow-list needs trust at least, because
naming it imports its module. This list only says what is certainly not meant well in a file of data. It holds
what the public collections of malicious pickles use, the standard library's own ways to run, load, fetch,
write or delete, and those of the packages that usually lie beside a model.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_RUNS: Final = "runs programs or reaches the operating system"
_CODE: Final = "runs or builds code"
_REACHES: Final = "calls or reaches whatever else the file names"
_LOADS: Final = "loads another pickle or library"
_NETWORK: Final = "uses the network"
_FILES: Final = "reads, writes or deletes files"
_CHANGES: Final = "changes the running program"

_MODULES: Final = MappingProxyType(
    {
        _RUNS: """
        os posix nt os2 subprocess _posixsubprocess pty popen2 commands multiprocessing
        _multiprocessing concurrent asyncio pexpect ptyprocess sh plumbum fabric paramiko invoke
        webbrowser antigravity ctypes _ctypes cffi _cffi_backend msvcrt _winapi _winreg winreg
        win32api win32com _osx_support _aix_support _pyrepl mailcap psutil sched test.support turtle
        turtledemo tkinter _tkinter torch.multiprocessing torch.utils.collect_env
        torch.utils.bottleneck PIL.ImageShow celery airflow luigi
    """,
        _CODE: """
        code codeop bdb pdb timeit cProfile profile _lsprof trace doctest runpy importlib
        _frozen_importlib _frozen_importlib_external imp _imp pkgutil zipimport ensurepip pip
        setuptools pkg_resources distutils venv site sitecustomize idlelib lib2to3 pydoc unittest
        py_compile compileall modulefinder marshal rlcompleter cgitb zipapp _xxsubinterpreters
        _interpreters interpreters IPython ipykernel jinja2 mako execnet pyximport Cython cython
        numexpr pytest _pytest nose virtualenv cppyy numpy.testing numpy.f2py numpy.distutils
        scipy.weave torch._dynamo torch._inductor torch._functorch torch.fx torch.package
        torch.testing torch.ops torch.classes torch.utils.cpp_extension torch.utils._config_module
        torch.utils.benchmark torch.utils.hipify torch._jit_internal torch.distributed.rpc
        torch.utils.data.datapipes
    """,
        _LOADS: """
        pickle _pickle cPickle pickletools shelve dbm anydbm dumbdbm whichdb dill _dill cloudpickle
        jsonpickle joblib compress_pickle sqlite3 _sqlite3 numpy.ctypeslib torch.hub torch.jit
        torch.serialization torch.utils.model_zoo torch.utils.show_pickle sklearn.externals
        nltk.data
    """,
        _NETWORK: """
        socket _socket socketserver SocketServer ssl _ssl http httplib urllib urllib2 urllib3 ftplib
        smtplib smtpd poplib imaplib nntplib telnetlib xmlrpc xmlrpclib wsgiref requests httpx
        aiohttp websocket websockets tornado twisted flask boto3 botocore fsspec smart_open
        SimpleHTTPServer CGIHTTPServer BaseHTTPServer asyncore asynchat select selectors pycurl
        netrc
    """,
        _FILES: """
        shutil tempfile fileinput filecmp glob zipfile tarfile gzip bz2 lzma linecache mmap fcntl
        _posixshmem dircache macpath posixpath ntpath genericpath os2emxpath mailbox logging.config
        logging.handlers numpy.core.memmap numpy._core.memmap
    """,
        _CHANGES: """
        sys signal _signal threading _thread thread gc atexit faulthandler tracemalloc readline
        syslog getpass termios tty dummy_threading _dummy_thread
    """,
    }
)
"""Modules of which every name is dangerous, with all that lies under them."""

_NAMES: Final = MappingProxyType({
    _CODE: {
        "builtins": "eval exec execfile compile __import__ reload __build_class__ breakpoint exit quit "
        "help input",
        "__builtin__": "eval exec execfile compile __import__ reload input raw_input",
        "types": "FunctionType LambdaType CodeType MethodType BuiltinFunctionType ModuleType new_class "
        "resolve_bases prepare_class",
        "collections": "namedtuple",
        "typing": "get_type_hints _eval_type ForwardRef NamedTuple",
        "dataclasses": "make_dataclass _create_fn",
        "inspect": "getattr_static get_annotations getsource",
        "sympy": "sympify lambdify parse_expr",
        "sympy.core.sympify": "sympify",
        "sympy.parsing.sympy_parser": "parse_expr eval_expr",
        "numpy": "vectorize frompyfunc apply_along_axis apply_over_axes piecewise fromfunction",
        "numpy.lib.utils": "source lookfor",
        "uuid": "_get_command_stdout _popen _ifconfig_getter _arp_getter _lanscan_getter _netstat_getter",
        "platform": "popen _syscmd_file _syscmd_ver",
        "copy": "copy deepcopy _reconstruct",
        "yaml": "load load_all unsafe_load unsafe_load_all full_load",
        "torch": "compile fork vmap import_ir_module",
        "pandas": "eval",
        "pandas.core.computation.eval": "eval",
        "six": "exec_ moves",
    },
    _LOADS: {
        "torch": "load save hub jit ops",
        "torch.storage": "load",
        "numpy": "load loads",
        "numpy.lib.npyio": "load NpzFile",
        "numpy.lib._npyio_impl": "load NpzFile",
        "numpy.lib.format": "read_array open_memmap",
        "pandas": "read_pickle HDFStore read_hdf",
        "pandas.io.pickle": "read_pickle to_pickle",
        "gensim.utils": "unpickle",
        "spacy.util": "load_model",
    },
    _REACHES: {
        "builtins": "getattr setattr delattr globals locals vars dir map filter reduce apply",
        "__builtin__": "getattr setattr delattr globals locals vars dir map filter reduce apply",
        "operator": "attrgetter itemgetter methodcaller call setitem delitem getitem",
        "_operator": "attrgetter itemgetter methodcaller call setitem delitem getitem",
        "functools": "partial partialmethod reduce",
        "_functools": "partial reduce",
        "itertools": "starmap accumulate filterfalse takewhile dropwhile groupby",
        "copyreg": "add_extension remove_extension clear_extension_cache pickle constructor",
        "copy_reg": "add_extension remove_extension clear_extension_cache pickle constructor",
    },
    _FILES: {
        "builtins": "open file",
        "__builtin__": "open file",
        **dict.fromkeys(("io", "_io", "_pyio"), "open open_code FileIO OpenWrapper _OpenWrapper"),
        "codecs": "open EncodedFile lookup register",
        "_codecs": "lookup register register_error",
        "pathlib": "os io",
        "logging": "FileHandler basicConfig shutdown os",
        "numpy": "fromfile memmap save savez savez_compressed savetxt loadtxt genfromtxt fromregex "
        "DataSource",
        "numpy.lib.npyio": "DataSource save savez savetxt loadtxt genfromtxt fromregex",
        "numpy.lib._datasource": "DataSource open",
        "numpy.core.records": "fromfile",
        "scipy.io": "loadmat savemat",
        "pandas": "read_csv read_json read_html read_sql",
        "torchvision.io": "read_file write_file",
    },
})  # fmt: skip
"""Single names, by module."""


def _by_module() -> dict[str, str]:
    return {module: why for why, modules in _MODULES.items() for module in modules.split()}


def _by_name() -> dict[tuple[str, str], str]:
    return {
        (module, name): why
        for why, modules in _NAMES.items()
        for module, names in modules.items()
        for name in names.split()
    }


_WHOLE: Final = MappingProxyType(_by_module())
_SINGLE: Final = MappingProxyType(_by_name())


def executor(module: str, name: str) -> str:
    """Why a name is dangerous, in words that follow it: `runs programs`; nothing if it is not known to be.

    Args:
        module: its module, of which every enclosing package is looked up too.
        name: its name there; of a dotted one the first part.
    """
    first = name.partition(".")[0]
    why = _SINGLE.get((module, first)) or _WHOLE.get(f"{module}.{first}", "")
    enclosing = module
    while enclosing and not why:
        why = _WHOLE.get(enclosing, "")
        enclosing = enclosing.rpartition(".")[0]
    return why
