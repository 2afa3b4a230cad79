# A minimal MMDB writer: 24/28/32-bit records, array-based trie, each record once in the data section.
# A database for IPv4 alone (version=4) takes its addresses shifted left by 96 bits.
import struct,ipaddress,time
class W:
    def __init__(s): s.n=[[None,None]]; s.data=bytearray(); s.off={}; s.str={}
    def enc_size(s,t,size):
        ext=b''
        if size<29: c=size
        elif size<285: c=29; ext=bytes([size-29])
        elif size<65821: c=30; ext=struct.pack('>H',size-285)
        else: raise ValueError
        if t<=7: return bytes([t<<5|c])+ext
        return bytes([c,t-7])+ext
    def enc(s,v,ptr=False):
        if isinstance(v,str):
            b=v.encode(); 
            if ptr and len(b)>3:
                if v in s.str: return s.ptr(s.str[v])
            return s.enc_size(2,len(b))+b
        if isinstance(v,bool): return bytes([int(v),7])
        if isinstance(v,int):
            t=6; b=v.to_bytes((v.bit_length()+7)//8,'big')
            if v>=1<<32: t=9
            return s.enc_size(t,len(b))+b
        if isinstance(v,dict): return s.enc_size(7,len(v))+b''.join(s.enc(k,ptr)+s.enc(x,ptr) for k,x in v.items())
        if isinstance(v,list): return s.enc_size(11,len(v))+b''.join(s.enc(x,ptr) for x in v)
        raise TypeError(v)
    def ptr(s,o):
        if o<2048: return bytes([1<<5|o>>8,o&255])
        o2=o-2048
        if o2<1<<19: return bytes([1<<5|1<<3|o2>>16,o2>>8&255,o2&255])
        o3=o-526336
        if o3<1<<27: return bytes([1<<5|2<<3|o3>>24])+struct.pack('>I',o3)[1:]
        raise ValueError
    def string(s,v):
        if v not in s.str and len(v.encode())>3: s.str[v]=len(s.data); b=v.encode(); s.data+=s.enc_size(2,len(b))+b
    def put(s,rec):
        k=repr(rec)
        if k in s.off: return s.off[k]
        for a,b in rec.items():
            s.string(a)
            if isinstance(b,str): s.string(b)
        e=s.enc(rec,True); o=len(s.data); s.data+=e; s.off[k]=o; return o
    def add(s,bits,plen,val):   # bits: 128-bit int
        n=s.n; cur=0
        for i in range(plen-1):
            d=bits>>(127-i)&1; x=n[cur][d]
            if x is None or x<0:
                n.append([x,x]); x2=len(n)-1; n[cur][d]=x2; x=x2
            cur=x
        n[cur][bits>>(128-plen)&1]=-1-val
    def rng(s,a,b,val,v4):
        base=96 if v4 else 0; top=32 if v4 else 128
        while a<=b:
            t=(a&-a).bit_length()-1 if a else top
            while a+(1<<t)-1>b: t-=1
            s.add(a if not v4 else a,base+top-t,val); a+=1<<t
    def prune(s):
        # merge identical leaf siblings bottom-up
        n=s.n
        for i in range(len(n)-1,-1,-1):
            for d in(0,1):
                x=n[i][d]
                if x is not None and x>0 and n[x][0] is not None and n[x][0]<0 and n[x][0]==n[x][1]: n[i][d]=n[x][0]
                elif x is not None and x>0 and n[x][0] is None and n[x][1] is None: n[i][d]=None
    def save(s,path,dbtype,desc,epoch,langs=('en',),version=6):
        s.prune(); n=s.n; order=[]; idx={}; st=[0]
        while st:
            c=st.pop(); idx[c]=len(order); order.append(c)
            for d in(1,0):
                x=n[c][d]
                if x is not None and x>0: st.append(x)
        N=len(order); mx=N+16+len(s.data); rs=24 if mx<1<<24 else 28 if mx<1<<28 else 32
        def val(x):
            if x is None: return N
            if x<0: return N+16+(-1-x)
            return idx[x]
        out=bytearray()
        for c in order:
            l,r=val(n[c][0]),val(n[c][1])
            if rs==24: out+=struct.pack('>I',l)[1:]+struct.pack('>I',r)[1:]
            elif rs==28: out+=struct.pack('>I',l)[1:]+bytes([(l>>24)<<4|r>>24])+struct.pack('>I',r)[1:]
            else: out+=struct.pack('>II',l,r)
        out+=b'\0'*16+s.data+b'\xab\xcd\xefMaxMind.com'
        def u(v,t):
            b=v.to_bytes((v.bit_length()+7)//8,'big'); return s.enc_size(t,len(b))+b
        m=[('binary_format_major_version',u(2,5)),('binary_format_minor_version',u(0,5)),('build_epoch',u(epoch,9)),('database_type',s.enc(dbtype)),('description',s.enc({'en':desc})),('ip_version',u(version,5)),('languages',s.enc(list(langs))),('node_count',u(N,6)),('record_size',u(rs,5))]
        out+=s.enc_size(7,len(m))+b''.join(s.enc(k)+v for k,v in m)
        open(path,'wb').write(out); return N,rs,len(out)
