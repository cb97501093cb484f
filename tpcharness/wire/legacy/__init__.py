"""What doors of the former grid say: FTP replies of gsiftp, and SRM's answer to srmPing. Bytes in, values out.

Only enough is read to tell that such a door still answers. Nobody logs in, and no credential is ever sent there.
"""
